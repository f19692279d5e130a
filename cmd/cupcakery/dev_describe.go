package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// describe prints where everything is and what to try next.
func (d *dev) describe(took time.Duration) error {
	addresses := d.addresses()
	var text strings.Builder
	fmt.Fprintf(&text, "Cupcakery is up after %.1f s.\n\n", took.Seconds())
	table := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	row := func(name, value, note string) {
		if value != "" {
			_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", name, value, note) // into memory
		}
	}
	if d.settings.demo.on {
		d.describePages(row, addresses)
	} else {
		row("Pages and API", addresses.API, "order here; staff sign in under /sign-in")
		if d.settings.ledger {
			row("History", addresses.API+"/history", "days and figures, for managers")
		}
	}
	row("Metrics", addresses.Metrics, "the API's, for Prometheus")
	row("Traces", addresses.Traces, "what each request led to; other processes send theirs to "+strings.TrimSuffix(addresses.Traces, "/traces"))
	if !d.settings.demo.on {
		row("Temporal UI", addresses.TemporalUI, "every order is a workflow")
	}
	row("Temporal", addresses.Temporal, elsewhere(d.settings.runs(serviceTemporal))+"namespace "+addresses.Namespace)
	row("Kafka", addresses.Kafka, elsewhere(d.settings.runs(serviceKafka)))
	row("Data", d.describeData(), "")
	if err := table.Flush(); err != nil {
		return err
	}
	if len(d.demoStaff) > 0 && !d.settings.demo.on {
		fmt.Fprintf(&text, "\nStaff of this demonstration, to sign in as:\n  %s\n", describeStaff(d.demoStaff))
	}
	if addresses.Ledger != "" {
		fmt.Fprintf(&text, "\nAll that was ever ordered and made, for any SQL:\n  psql '%s'\n", addresses.Ledger)
	}
	text.WriteString("\n")
	lan, err := d.describeLAN()
	if err != nil {
		return err
	}
	text.WriteString(lan)
	switch {
	case d.settings.demo.on:
		fmt.Fprintf(&text, "A customer orders every %s, and later when there is much to do. Robots work at the stations:\n"+
			"take a robot's seat on its board to do its work. Ctrl-C stops everything.\n", d.settings.demo.every)
		if d.hasSample() {
			fmt.Fprintf(&text, "The history's %d days before the first start are a sample: made up, and written into Kafka's log.\n", sampleDays)
		}
		if d.lanAddr == "" {
			text.WriteString("To order from a phone in this network, start it with --lan.\n")
		}
	case d.settings.runs(serviceAPI):
		d.suggest(&text, addresses)
	default:
		text.WriteString("Ctrl-C stops it.\n")
	}
	_, err = fmt.Fprintln(d.stdout, trimLines(text.String()))
	return err
}

// describePages shows what there is to see in a demonstration, the best first, and
// as whom.
func (d *dev) describePages(row func(name, value, note string), addresses readyAddresses) {
	as := map[kitchen.Role]string{}
	for _, person := range d.demoStaff {
		as[person.Role] = fmt.Sprintf("sign in as %s, PIN %s", person.Name, person.Pin)
	}
	row("The kitchen", addresses.API+"/kitchen", "every order on its way, for everybody to see")
	row("Order", addresses.API+"/", "as a customer")
	for _, stage := range kitchen.Stages() {
		role := stage.Info().Role
		row("The "+string(role)+"'s board", addresses.API+"/stations/"+string(stage), as[role])
	}
	row("Questions", addresses.API+"/attention", as[kitchen.RoleManager])
	row("The dashboard", addresses.API+"/dashboard", "for whoever is signed in, as is the /counter")
	if d.settings.ledger {
		row("The day's report", addresses.API+"/history", as[kitchen.RoleManager]+"; all days, and why orders were late")
	}
	row("The shop's wall", addresses.API+"/wall", "what customers see there")
	row("Temporal UI", addresses.TemporalUI, "every order is a workflow")
}

func (d *dev) describeData() string {
	if d.settings.ephemeral {
		return "kept nowhere"
	}
	if d.dataDir == nil {
		return ""
	}
	return d.settings.dataDir
}

// suggest shows commands that work as they stand, with this program's name
// and the ports in use.
func (d *dev) suggest(text *strings.Builder, addresses readyAddresses) {
	program := programName()
	var order, station string
	if addresses.API != "http://127.0.0.1:8080" {
		order = " --api " + addresses.API
	}
	if addresses.Kafka != "127.0.0.1:9092" {
		station = " --kafka-brokers " + addresses.Kafka
	}
	fmt.Fprintf(text, `Try, each in a terminal of its own:
  %[1]s order create --name Ada --line 12xL:red-velvet%[2]s
  %[1]s station mix --name bob%[3]s
  %[1]s station bake --auto%[3]s

Ctrl-C stops everything; the next start goes on where it stopped.
`, program, order, station)
}

// programName is how to call this program from here.
func programName() string {
	executable, err := os.Executable()
	if err != nil {
		return "cupcakery"
	}
	here, err := os.Getwd()
	if err != nil {
		return executable
	}
	relative, err := filepath.Rel(here, executable)
	if err != nil || strings.HasPrefix(relative, "..") {
		return executable
	}
	return "." + string(filepath.Separator) + relative
}

func elsewhere(here bool) string {
	if here {
		return ""
	}
	return "not run here; "
}

// trimLines removes the blanks that end a table's lines.
func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}
