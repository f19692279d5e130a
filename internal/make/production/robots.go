package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cupcakery/cupcakery/kitchen"
)

// robot is a station that docker-compose.yml starts.
type robot struct {
	name    string
	stage   kitchen.Stage
	command []string
}

// readRobots reads them from the file, so that both start the same.
func readRobots(file string) ([]robot, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var compose struct {
		Services map[string]struct {
			Command []string `yaml:"command"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal(data, &compose); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var robots []robot
	for name, service := range compose.Services {
		if len(service.Command) > 1 && service.Command[0] == "station" {
			robots = append(robots, robot{name, kitchen.Stage(service.Command[1]), service.Command})
		}
	}
	slices.SortFunc(robots, func(a, b robot) int { return strings.Compare(a.name, b.name) })
	return robots, nil
}
