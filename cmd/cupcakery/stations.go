package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newStationsCommand() *cobra.Command {
	var settings orderSettings
	cmd := &cobra.Command{
		Use:   "stations",
		Short: "Show how much there is to do at each station",
		Long: `Show how much there is to do at each station: its open tickets, since when the
oldest is open, and its alarm. There is an alarm if tickets wait and nobody has
begun or finished one for longer than attention.untakenAfter in the kitchen file.
This is for staff.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return staffReport[wire.Stations]{
				ask: func(ctx context.Context, apiClient *client.ClientWithResponses) (*wire.Stations, answered, error) {
					answer, err := apiClient.ListStationsWithResponse(ctx)
					if err != nil {
						return nil, answered{}, err
					}
					return answer.JSON200, answered{status: answer.StatusCode(), body: answer.Body}, nil
				},
				behind: func(stations *wire.Stations) wire.Behind { return stations.Behind },
				write:  writeStations,
			}.show(cmd, &settings)
		},
	}
	settings.register(cmd)
	settings.registerStaff(cmd)
	cmd.AddCommand(newStationsPauseCommand(), newStationsResumeCommand())
	return cmd
}

// writeStations shows people how much there is to do.
func writeStations(w io.Writer, stations *wire.Stations) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintln(table, "STATION\tWAITING\tIN HAND\tFAILED\tOLDEST\tALARM")
	for _, stage := range stations.Stages {
		_, rowErr := fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t%s\n", safeText(string(stage.Stage)), stage.Waiting, stage.Started, stage.Failed, clock(&stage.Oldest), alarmWords(stage, stations.At))
		err = errors.Join(err, rowErr)
	}
	return errors.Join(err, table.Flush())
}

// alarmWords are a station's alarm, for people.
func alarmWords(stage wire.StageCounts, now time.Time) string {
	if stage.UntakenSince.IsZero() {
		return "-"
	}
	step := time.Minute
	untaken := now.Sub(stage.UntakenSince)
	if untaken < step {
		step = time.Second
	}
	return fmt.Sprintf("nobody has taken anything for %s, since %s", kitchen.Duration(untaken.Truncate(step)), clock(&stage.UntakenSince))
}
