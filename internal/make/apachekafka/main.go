// Command apachekafka fetches the Apache Kafka that tests run against, unless
// it is there.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/cupcakery/cupcakery/devstack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := devstack.FetchApacheKafka(ctx, func(text string) { fmt.Println(text) }); err != nil {
		fmt.Fprintln(os.Stderr, "fetch Apache Kafka:", err)
		os.Exit(1)
	}
}
