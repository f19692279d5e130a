// Command stages writes what files outside Go list of the stages and roles, as
// kitchen/stage.go has them:
//
//	go run ./internal/make/stages
//
// In the YAML files a comment marks what it writes: a list on one line, or a
// block up to "# end". Run it before the code that is generated from them.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

func main() {
	if err := generate("."); err != nil {
		fmt.Fprintln(os.Stderr, "write the lists of stages:", err)
		os.Exit(1)
	}
}

// generate brings every file below the root up to date.
func generate(root string) error {
	for path, write := range map[string]func(string) (string, error){
		"api/openapi.yaml":             fillMarks,
		"events/asyncapi.yaml":         fillMarks,
		"docs/kitchen-file.md":         fillTable,
		"docs/staff.md":                fillRoles,
		"cmd/cupcakery/dev_staff.yaml": demoStaff,
		"web/src/api/stages.gen.ts":    func(string) (string, error) { return typescript(), nil },
	} {
		path = filepath.Join(root, path)
		before, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		after, err := write(string(before))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if after == string(before) {
			continue
		}
		if err := os.WriteFile(path, []byte(after), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// mark is the comment that says what belongs in its place.
var mark = regexp.MustCompile(`# from kitchen/stage\.go: ([a-z]+)$`)

const endMark = "# end"

// fillMarks writes what the marks of a YAML file ask for.
func fillMarks(text string) (string, error) {
	var out []string
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		found := mark.FindStringSubmatch(lines[i])
		if found == nil {
			out = append(out, lines[i])
			continue
		}
		if block, known := blocks[found[1]]; known {
			out = append(out, lines[i])
			for _, stage := range kitchen.Stages() {
				out = append(out, strings.Split(block(stage.Info()), "\n")...)
			}
			for strings.TrimSpace(lines[i]) != endMark {
				if i++; i == len(lines) {
					return "", fmt.Errorf("%q has no %q", found[0], endMark)
				}
			}
			out = append(out, lines[i])
			continue
		}
		line, err := fillList(lines[i], found[1])
		if err != nil {
			return "", fmt.Errorf("line %d: %w", i+1, err)
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n"), nil
}

var (
	alternation = regexp.MustCompile(`\(([a-z]+\|)+[a-z]+\)`)
	list        = regexp.MustCompile(`\[[a-z, ]*\]`)
)

// fillList writes a list, or the alternatives of a pattern, on one line.
func fillList(line, what string) (string, error) {
	names := kitchen.StageNames()
	switch what {
	case "stages":
	case "roles":
		names = roleNames()
	default:
		return "", fmt.Errorf("unknown list %q: use stages or roles", what)
	}
	switch {
	case alternation.MatchString(line):
		return alternation.ReplaceAllLiteralString(line, "("+strings.Join(names, "|")+")"), nil
	case list.MatchString(line):
		return list.ReplaceAllLiteralString(line, "["+strings.Join(names, ", ")+"]"), nil
	}
	return "", errors.New("there is no list to replace")
}

// blocks are what a YAML file has of each stage.
var blocks = map[string]func(kitchen.StageInfo) string{
	"channels": func(info kitchen.StageInfo) string {
		return fmt.Sprintf(`  %[1]s:
    address: %[1]s
    title: Tickets for the %[2]ss
    description: |
      Shared by the consumer group `+"`%[3]s`"+`. Key: the order's id.
      Partitioner: murmur2. Kept for 7 days unless the factory is told otherwise.
    messages:
      ticket: {$ref: '#/components/messages/ticket'}`, events.TicketTopic(info.Stage), info.Role, info.Group)
	},
	"operations": func(info kitchen.StageInfo) string {
		return fmt.Sprintf(`  issue%sTicket:
    action: send
    channel: {$ref: '#/channels/%s'}
    summary: The factory asks the %ss for their part of an order.`, info.Stage.ActivityType(), events.TicketTopic(info.Stage), info.Role)
	},
}

// rows are the rows of docs/kitchen-file.md for each stage, by the section of
// the kitchen file that they are about.
var rows = map[string]func(kitchen.StageInfo) string{
	"ackWithin": func(info kitchen.StageInfo) string {
		return fmt.Sprintf("| `ackWithin.%s` | duration | %s |\n", info.Stage, info.AckWithin)
	},
	"undo": func(info kitchen.StageInfo) string {
		return fmt.Sprintf("| `undo.%s` | `hands` or `record` | %s |\n", info.Stage, info.Undo)
	},
	"age": func(info kitchen.StageInfo) string {
		return fmt.Sprintf("| `age.%[1]s` | both ages of a ticket at %[1]s | |\n"+
			"| `age.%[1]s.late` | duration, needed if `age.%[1]s` is given | %[2]s |\n"+
			"| `age.%[1]s.overdue` | duration longer than `late`, needed if `age.%[1]s` is given | %[3]s |\n", info.Stage, info.Age.Late, info.Age.Overdue)
	},
}

// fillTable writes the rows of each section.
func fillTable(text string) (string, error) {
	for section, row := range rows {
		var all strings.Builder
		for _, stage := range kitchen.Stages() {
			all.WriteString(row(stage.Info()))
		}
		present := regexp.MustCompile("(?m)(^\\| `" + section + "\\..*\n)+").FindStringIndex(text)
		if present == nil {
			return "", fmt.Errorf("there is no row of %s to replace", section)
		}
		text = text[:present[0]] + all.String() + text[present[1]:]
	}
	return text, nil
}

var roleRow = regexp.MustCompile("(?m)^(\\| `staff\\[\\]\\.role` \\| ).*(, needed \\|)$")

// fillRoles writes the row of docs/staff.md that lists the roles.
func fillRoles(text string) (string, error) {
	row := roleRow.FindStringSubmatch(text)
	if row == nil {
		return "", errors.New("there is no row of staff[].role to replace")
	}
	names := roleNames()
	last := len(names) - 1
	list := "`" + strings.Join(names[:last], "`, `") + "` or `" + names[last] + "`"
	return strings.Replace(text, row[0], row[1]+list+row[2], 1), nil
}

func roleNames() []string {
	var names []string
	for _, role := range kitchen.Roles() {
		names = append(names, string(role))
	}
	return names
}

// demoStaff writes the staff file of the demonstration. Whoever is in it already
// keeps their hash, since a new one would end their sessions.
func demoStaff(text string) (string, error) {
	before, err := kitchen.ParseStaff("the present one", []byte(text))
	if err != nil {
		return "", err
	}
	var file bytes.Buffer
	file.WriteString("# Generated by internal/make/stages from kitchen/stage.go. Everybody knows these\n# people's PINs, so only \"cupcakery dev\" reads this file.\nstaff:\n")
	for _, demo := range kitchen.DemoStaff() {
		person, known := before.Find(demo.Name)
		if !known || !person.PIN.Matches(demo.PIN) {
			if person.PIN, err = kitchen.HashPIN(demo.PIN); err != nil {
				return "", err
			}
		}
		fmt.Fprintf(&file, "  - name: %s\n    role: %s\n    pin: %s\n", demo.Name, demo.Role, person.PIN)
	}
	return file.String(), nil
}

// typescript is what the pages know of the stages.
func typescript() string {
	list := func(has func(kitchen.StageInfo) bool) string {
		var names []string
		for _, stage := range kitchen.Stages() {
			if has(stage.Info()) {
				names = append(names, fmt.Sprintf("%q", stage))
			}
		}
		return strings.Join(names, ", ")
	}
	var words strings.Builder
	for _, stage := range kitchen.Stages() {
		info := stage.Info()
		fmt.Fprintf(&words, "  %s: { name: %q, doing: %q, working: %q, did: %q, role: %q },\n", stage, stage.ActivityType(), info.Doing, info.Working, info.Did, info.Role)
	}
	return fmt.Sprintf(`// Code generated by internal/make/stages from kitchen/stage.go. DO NOT EDIT.

import type { Role, Stage } from "./schema.gen";

/** In the order of work. */
export const stages: readonly [Stage, ...Stage[]] = [%s];

export interface StageWords {
  /** What the stage is called. */
  readonly name: string;
  /** Of an order that is there. */
  readonly doing: string;
  /** What somebody there is. */
  readonly working: string;
  /** Of cupcakes that have been there. */
  readonly did: string;
  readonly role: Role;
}

export const stageWords: Readonly<Record<Stage, StageWords>> = {
%s};

/** Their boards show what is piped onto cupcakes. */
export const stagesShowingMessages: readonly Stage[] = [%s];

/** An order's texts are final once a ticket of one of them is issued. */
export const stagesClosingAmendments: readonly Stage[] = [%s];
`, list(func(kitchen.StageInfo) bool { return true }), &words,
		list(func(info kitchen.StageInfo) bool { return info.ShowsMessages }),
		list(func(info kitchen.StageInfo) bool { return info.ClosesAmending }))
}
