package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// robotStopsWithin is how long a robot may go on with the work in hand when it is
// stopped.
const robotStopsWithin = 30 * time.Second

// stationOptions are the flags of cupcakery station.
type stationOptions struct {
	api      string
	auto     bool
	failRate float64
	listen   string
	name     string
	parallel int
	plain    bool
	takeSeat bool
	timeout  time.Duration
	workTime time.Duration
}

func newStationCommand() *cobra.Command {
	var (
		kafka       kafkaSettings
		kitchenFile kitchenSettings
		logs        logSettings
		profiles    profileSettings
		options     stationOptions
	)
	cmd := &cobra.Command{
		Use:   "station <" + strings.Join(kitchen.StageNames(), "|") + ">",
		Short: "Work at a station: start its tickets, do the work, report what became of it",
		Long: `Work at a station: start its tickets, do the work, report what became of it.

All stations of a stage share its tickets; whoever starts one first owns it, and
everybody else sees who that is. Your --name is how the others know you: come
back under the same name and you find your work where you left it. While the
station is open, what you have in hand stays yours, however long the work takes.

On a terminal a full screen shows what waits and what you have in hand; ? explains
it. With --plain, on a dumb terminal, or when input or output is no terminal,
tickets are listed as they come and lines are commands:

` + plainHelp + `
When the input is no terminal, its commands are done one after the other. One
about a ticket that has not arrived yet waits for it (at most --timeout), so
that

  printf 'start 1\ndone 1\n' | cupcakery station bake

does the next ticket and ends. At the end of the input the station closes.

With --auto a robot does the work.

In a demo, where a robot works here already, --take-seat has it step aside, so that
the tickets wait for you. You work under the name of the demo's person for this
station, unless --name is given. The robot has its seat back when you leave, or soon
after nothing is heard of you.

Kafka may be away, at the start too: the station shows that, keeps what is in
hand, and goes on by itself. Ctrl-C or SIGTERM closes it: a robot first finishes
what it has in hand; what a person has in hand stays theirs, and others may take
it over if they do not come back in time.

Exit codes: 0 closed, 2 wrong usage, 3 there is no robot whose seat could be taken,
4 a command from a pipe was refused, 5 the API does not answer who has the seat.`,
		Args:      exactArgs(1),
		ValidArgs: kitchen.StageNames(),
		RunE: func(cmd *cobra.Command, args []string) error {
			stage, err := kitchen.ParseStage(args[0])
			if err != nil {
				return &exitError{exitUsage, fmt.Errorf("%w%s", err, didYouMean(args[0], kitchen.StageNames()))}
			}
			if err := options.check(cmd); err != nil {
				return &exitError{exitUsage, err}
			}
			connection, err := kafka.connection()
			if err != nil {
				return err
			}
			rules, err := kitchenFile.load()
			if err != nil {
				return err
			}
			logger, err := logs.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			config := station.Config{
				AckWithin:  rules.Rules.AckWithinFor(stage),
				Connection: connection,
				Logger:     logger,
				Name:       options.name,
				Stage:      stage,
			}
			if options.listen != "" {
				var readiness station.Readiness
				health, err := listenForHealth(options.listen, readiness.Check)
				if err != nil {
					return err
				}
				config.Metrics, config.Readiness = health.registry, &readiness
				stop := health.serveBeside(cmd.Context())
				defer stop()
			}
			if options.auto {
				return runRobot(cmd, config, options, rules.Reasons)
			}
			var seat *robotSeat
			if options.takeSeat {
				if seat, err = takeSeat(cmd.Context(), options.api, stage); err != nil {
					return err
				}
				defer seat.handBack(cmd)
				if !cmd.Flags().Changed("name") {
					config.Name = seat.by
				}
			}
			if isTerminal(cmd.InOrStdin()) && isTerminal(cmd.OutOrStdout()) && !isDumb() && !options.plain {
				return runScreen(cmd, config, rules, seat)
			}
			return runPlain(cmd, config, options, rules.Reasons, seat)
		},
	}
	kafka.register(cmd)
	kitchenFile.register(cmd)
	logs.register(cmd)
	profiles.register(cmd)
	traceRun(cmd, "cupcakery-station", &logs)
	flags := cmd.Flags()
	flags.StringVar(&options.name, "name", userName(), "who works here")
	fromEnvironment(flags, "name", "CUPCAKERY_STATION_NAME")
	flags.BoolVar(&options.auto, "auto", false, "let a robot do the work")
	flags.DurationVar(&options.workTime, "work-time", 2*time.Second, "how long the robot takes for a ticket")
	flags.Float64Var(&options.failRate, "fail-rate", 0, "share of the robot's work that fails, from 0 to 1, for a reason from the kitchen file")
	flags.StringVar(&options.listen, "listen", "", "address of /healthz, /readyz and /metrics; empty for none")
	fromEnvironment(flags, "listen", "CUPCAKERY_STATION_LISTEN")
	flags.IntVar(&options.parallel, "parallel", 1, "tickets that the robot works on at once")
	flags.BoolVar(&options.plain, "plain", false, "work line by line also on a terminal, which otherwise shows a full screen")
	flags.BoolVar(&options.takeSeat, "take-seat", false, "in a demo, take the seat of the robot that works here")
	flags.StringVar(&options.api, "api", defaultAPI, "address of the API, for --take-seat")
	fromEnvironment(flags, "api", "CUPCAKERY_API")
	flags.DurationVar(&options.timeout, "timeout", 0, "how long a command from a pipe waits for its ticket; 0 for as long as it takes")
	return cmd
}

// check returns all contradictions at once.
func (o *stationOptions) check(cmd *cobra.Command) error {
	var faults []error
	o.name = strings.TrimSpace(o.name)
	switch {
	case o.name == "" && o.takeSeat && !cmd.Flags().Changed("name"): // then the seat names who works here
	case o.name == "":
		faults = append(faults, errors.New("--name: missing: say who works here"))
	case strings.ContainsFunc(o.name, func(r rune) bool { return !unicode.IsPrint(r) }):
		faults = append(faults, errors.New("--name: must have printable characters only"))
	case len([]rune(o.name)) > kitchen.MaxByLength:
		faults = append(faults, fmt.Errorf("--name: must have at most %d characters", kitchen.MaxByLength))
	}
	forRobots, forPeople := []string{"work-time", "fail-rate", "parallel"}, []string{"plain", "take-seat", "timeout"}
	if o.auto {
		for _, flag := range forPeople {
			if cmd.Flags().Changed(flag) {
				faults = append(faults, fmt.Errorf("--%s: is for people; leave it out with --auto", flag))
			}
		}
	} else {
		for _, flag := range forRobots {
			if cmd.Flags().Changed(flag) {
				faults = append(faults, fmt.Errorf("--%s: is for robots; add --auto", flag))
			}
		}
	}
	if o.workTime < 0 {
		faults = append(faults, fmt.Errorf("--work-time %s: must not be negative", o.workTime))
	}
	if !(o.failRate >= 0 && o.failRate <= 1) {
		faults = append(faults, fmt.Errorf("--fail-rate %v: must be from 0 to 1", o.failRate))
	}
	if o.parallel < 1 {
		faults = append(faults, fmt.Errorf("--parallel %d: must be at least 1", o.parallel))
	}
	if o.timeout < 0 {
		faults = append(faults, fmt.Errorf("--timeout %s: must not be negative", o.timeout))
	}
	return errors.Join(faults...)
}

// userName is who has started the program, or "" if the system does not know.
func userName() string {
	if current, err := user.Current(); err == nil && current.Username != "" {
		_, name, found := strings.Cut(current.Username, `\`) // a Windows domain
		if !found {
			name = current.Username
		}
		return name
	}
	return os.Getenv("USER")
}

// runRobot works until the command's context ends and what is in hand is done.
func runRobot(cmd *cobra.Command, config station.Config, options stationOptions, reasons []kitchen.Reason) error {
	printer := newTicketPrinter(cmd.OutOrStdout(), cmd.ErrOrStderr(), config.Name)
	defer printer.close()
	config.Observe = func(e station.Event) {
		if e.Kind == station.Answered || e.Kind == station.Unsent || isStop(e, config.Name) {
			printer.show(e)
		}
	}
	bench, err := station.New(config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	robot := station.Robot{
		FailRate: options.failRate, Parallel: options.parallel, Reasons: reasons,
		Station: bench, StopWithin: robotStopsWithin, WorkTime: options.workTime,
	}
	return workAt(cmd.Context(), bench, robot.Run)
}

// workAt opens a station, lets somebody work at it until they leave, and closes
// it. The station stays open while they finish what they have in hand, so it
// does not end with ctx.
func workAt(ctx context.Context, bench *station.Station, work func(context.Context) error) error {
	open, closeStation := context.WithCancel(context.WithoutCancel(ctx))
	defer closeStation()
	group, open := errgroup.WithContext(open)
	working, leave := context.WithCancel(ctx)
	defer leave()
	defer context.AfterFunc(open, leave)() // a station that cannot go on sends everybody home
	group.Go(func() error { return bench.Run(open) })
	group.Go(func() error {
		defer closeStation()
		return work(working)
	})
	return group.Wait()
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
