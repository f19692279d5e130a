package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/wire"
)

// staffReport is what a command shows of one answer of the API: to staff, or to
// anybody if the command has no --as.
type staffReport[T any] struct {
	// ask returns the answer, or nil and what came instead of it.
	ask func(ctx context.Context, apiClient *client.ClientWithResponses) (*T, answered, error)
	// behind is nil for what does not come from the log.
	behind func(answer *T) wire.Behind
	write  func(w io.Writer, answer *T) error
}

// show asks and shows the answer, as JSON or for people.
func (r staffReport[T]) show(cmd *cobra.Command, settings *orderSettings) error {
	apiClient, err := settings.connectAsStaff(cmd)
	if err != nil {
		return err
	}
	answer, instead, err := r.ask(cmd.Context(), apiClient)
	if err != nil {
		return settings.unreachable(err)
	}
	if answer == nil {
		return refusal(instead.status, instead.body)
	}
	if settings.output == outputJSON {
		return writeJSON(cmd.OutOrStdout(), answer, "  ")
	}
	if r.behind != nil {
		if behind := r.behind(answer); !behind.Since.IsZero() {
			cmd.PrintErrln(outOfDate(behind))
		}
	}
	return r.write(cmd.OutOrStdout(), answer)
}

// outOfDate says since when an answer may not be up to date.
func outOfDate(behind wire.Behind) string {
	return "This may be out of date since " + clock(&behind.Since) + ": the API has not read the log in Kafka to its end."
}
