// Command programs fetches the Apache Kafka and the PostgreSQL that tests run
// against, unless they are there.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/cupcakery/cupcakery/devstack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	say := func(text string) { fmt.Println(text) }
	if err := errors.Join(devstack.FetchApacheKafka(ctx, say), devstack.FetchPostgres(ctx, say)); err != nil {
		fmt.Fprintln(os.Stderr, "fetch what the tests run against:", err)
		os.Exit(1)
	}
}
