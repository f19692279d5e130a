package worker

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// CheckDeployment checks a worker's deployment name and build id: that both or
// neither are there, and that Temporal takes them.
func CheckDeployment(name, buildID string) error {
	switch {
	case (name == "") != (buildID == ""):
		return errors.New("a worker's deployment name and build id go together: give both, or neither for a worker without versions")
	case strings.ContainsAny(name, ".:"):
		return fmt.Errorf("deployment name %q: Temporal takes no dot and no colon in it", name)
	}
	return nil
}

// deployment is how Temporal versions the worker. Orders are pinned: each goes
// on with the code that it began with, so a change of OrderWorkflow cannot break
// an order under way.
func deployment(config Config) worker.DeploymentOptions {
	if config.DeploymentName == "" {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{
		UseVersioning:             true,
		Version:                   worker.WorkerDeploymentVersion{DeploymentName: config.DeploymentName, BuildID: config.BuildID},
		DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
	}
}
