package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// questionKind is what questions have in common that are decided together.
type questionKind struct {
	cause      kitchen.AttentionCause
	stage      kitchen.Stage
	undoing    bool
	by, reason string
}

func kindOf(asked kitchen.Attention) questionKind {
	return questionKind{cause: asked.Cause, stage: asked.Stage, undoing: asked.Undoing, by: asked.By, reason: asked.ReasonCode}
}

// matches reports whether a question is of this kind. What the kind leaves open
// may be anything, but undoing work is never decided together with making it: a
// choice means something else there.
func (k questionKind) matches(asked kitchen.Attention) bool {
	open := func(wanted, is string) bool { return wanted == "" || wanted == is }
	return k.undoing == asked.Undoing && open(string(k.cause), string(asked.Cause)) && open(string(k.stage), string(asked.Stage)) &&
		open(k.by, asked.By) && open(k.reason, asked.ReasonCode)
}

// isUndoing reports whether questions of a cause are always about undoing work.
func isUndoing(cause kitchen.AttentionCause) bool {
	return cause == kitchen.CauseUndoFailed || cause == kitchen.CauseLateWork
}

// words name the kind for people.
func (k questionKind) words() string {
	words := string(k.stage)
	if k.undoing {
		words = "undoing " + words
	}
	words += ": " + cmp.Or(string(k.cause), "a question of an older build")
	if k.reason != "" {
		words += ", " + k.reason
	}
	if k.by != "" {
		words += ", " + k.by
	}
	return words
}

// command is the one that decides about all questions of the kind, with the
// choices that there are.
func (k questionKind) command(choices []kitchen.Choice) string {
	args := []string{"cupcakery order resolve-many"}
	add := func(flag, value string) {
		if value != "" {
			args = append(args, flag, shellWord(value))
		}
	}
	add("--cause", string(k.cause))
	add("--stage", string(k.stage))
	if k.undoing && !isUndoing(k.cause) {
		args = append(args, "--undoing")
	}
	add("--by", k.by)
	add("--reason", k.reason)
	if len(choices) == 0 {
		return strings.Join(args, " ")
	}
	args = append(args, "--choice", string(choices[0]))
	if len(choices) > 1 {
		args = append(args, "# or", choiceWords(choices[1:])) // for a shell a comment
	}
	return strings.Join(args, " ")
}

// shellWord quotes what a shell would not take as one word, so that the command
// can be copied.
func shellWord(text string) string {
	for _, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.' {
			return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
		}
	}
	return text
}

// questionGroup are the orders that are asked about for the same cause.
type questionGroup struct {
	kind   questionKind
	orders []wire.OrderSummary
}

// groupQuestions puts orders with questions of one kind together, the largest
// group first.
func groupQuestions(orders []wire.OrderSummary) []questionGroup {
	var groups []questionGroup
	for _, order := range orders {
		if order.Attention == nil {
			continue
		}
		kind := kindOf(*order.Attention)
		i := slices.IndexFunc(groups, func(g questionGroup) bool { return g.kind == kind })
		if i < 0 {
			i, groups = len(groups), append(groups, questionGroup{kind: kind})
		}
		groups[i].orders = append(groups[i].orders, order)
	}
	slices.SortStableFunc(groups, func(a, b questionGroup) int { return cmp.Compare(len(b.orders), len(a.orders)) })
	return groups
}

// choices are those that can be made for some order of the group.
func (g questionGroup) choices() []kitchen.Choice {
	return slices.DeleteFunc(kitchen.Choices(), func(choice kitchen.Choice) bool {
		return !slices.ContainsFunc(g.orders, func(order wire.OrderSummary) bool { return slices.Contains(order.Attention.Choices, choice) })
	})
}

// writeQuestions lists questions by their kind, for people.
func writeQuestions(w io.Writer, groups []questionGroup, withCommands bool) error {
	var err error
	line := func(format string, args ...any) {
		_, lineErr := fmt.Fprintf(w, format+"\n", args...)
		err = errors.Join(err, lineErr)
	}
	for _, group := range groups {
		line("%s", safeText(fmt.Sprintf("%s: %s", orders(len(group.orders), "", ""), group.kind.words())))
		codes := make([]string, len(group.orders))
		for i, order := range group.orders {
			codes[i] = order.PickupCode
		}
		line("  %s", safeText(strings.Join(codes, " ")))
		line("  %s", safeText(group.orders[0].Attention.Reason))
		if withCommands {
			line("  %s", safeText(group.kind.command(group.choices())))
		}
	}
	return err
}
