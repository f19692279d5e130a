package devstack

import (
	"context"
	"os"
	"path/filepath"
)

// FetchApacheKafka fetches what StartApacheKafka needs, unless it is there, so
// that no test has to wait for it. Before a download, announce is called with
// a sentence for people.
func FetchApacheKafka(ctx context.Context, announce func(string)) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	tools := filepath.Join(root, ".tools")
	if _, err := os.Stat(filepath.Join(tools, "apache-kafka-"+ApacheKafkaVersion)); err != nil {
		announce("Fetching Apache Kafka " + ApacheKafkaVersion + " into .tools with Maven (a download of about 55 MB) ...")
	}
	_, err = apacheKafkaJars(ctx, tools)
	return err
}
