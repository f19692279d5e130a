package kitchen

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUpdatesAreHeldToTheRulesOfAnOrder(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	limits := HardLimits()
	narrow := limits
	narrow.NotesLength, narrow.MessageLength = 5, 0
	for name, c := range map[string]struct {
		faults []FieldError
		want   string
	}{
		"a cancellation without a reason":    {Cancellation{}.Check(), ""},
		"a cancellation with a reason":       {Cancellation{Reason: "changed my mind"}.Check(), ""},
		"a blank reason":                     {Cancellation{Reason: " "}.Check(), "/reason: must not be blank: write something or leave it out"},
		"too long a reason":                  {Cancellation{Reason: strings.Repeat("x", 501)}.Check(), "/reason: must have at most 500 characters, it has 501"},
		"new notes":                          {Amendment{Notes: text("ring twice")}.Check(limits, 1), ""},
		"no notes any more":                  {Amendment{Notes: text("")}.Check(limits, 1), ""},
		"a new message":                      {Amendment{Messages: []LineMessage{{0, "Happy 41st 🎂"}, {1, ""}}}.Check(limits, 2), ""},
		"nothing to amend":                   {Amendment{}.Check(limits, 1), "changes nothing: give notes, messages or a phone number"},
		"notes beyond the kitchen's limit":   {Amendment{Notes: text("ring twice")}.Check(narrow, 1), "/notes: must have at most 5 characters, it has 10"},
		"a message where none is taken":      {Amendment{Messages: []LineMessage{{0, "Hi"}}}.Check(narrow, 1), "/messages/0/message: not taken here: leave it out"},
		"a message with a control character": {Amendment{Messages: []LineMessage{{0, "a\x00"}}}.Check(limits, 1), "/messages/0/message: "},
		"a line that is not there":           {Amendment{Messages: []LineMessage{{2, "Hi"}}}.Check(limits, 2), "/messages/0/line: must be from 0 to 1: lines are counted from 0"},
		"a negative line":                    {Amendment{Messages: []LineMessage{{-1, "Hi"}}}.Check(limits, 2), "/messages/0/line: must be from 0 to 1: lines are counted from 0"},
		"a line twice":                       {Amendment{Messages: []LineMessage{{1, "Hi"}, {1, "Ho"}}}.Check(limits, 2), "/messages/1/line: line 1 is in the list already: leave one of them out"},
		"more messages than lines":           {Amendment{Messages: []LineMessage{{0, "Hi"}, {0, "Ho"}}}.Check(limits, 1), "/messages: must have at most 1 entries, one for each line, it has 2"},
		"a choice":                           {Resolution{Choice: ChoiceRemake, Note: "new oven"}.Check(), ""},
		"who decides":                        {Resolution{Choice: ChoiceRemake, By: "max"}.Check(), ""},
		"a decider with a line break":        {Resolution{Choice: ChoiceRemake, By: "max\n"}.Check(), "/by: "},
		"too long a name who cancels":        {Cancellation{By: strings.Repeat("x", 81)}.Check(), "/by: must have at most 80 characters, it has 81"},
		"an unknown choice":                  {Resolution{Choice: "remakes"}.Check(), `/choice: unknown choice "remakes": did you mean "remake"? Use one of retry, remake, cancel`},
		"no choice":                          {Resolution{}.Check(), `/choice: missing: use one of retry, remake, cancel`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.want == "" {
				assert.Empty(t, c.faults)
				return
			}
			assert.Contains(t, FieldErrors(c.faults), c.want)
		})
	}
}

func TestRulesOfBeforeTheSagaKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	old := Rules{}
	assert.Zero(t, old.MaxReissues, "nobody is asked")
	assert.False(t, old.UndoOnRecordAt(Bake))
	assert.Equal(t, HardLimits(), old.LimitsNow())

	k := Default()
	k.Limits.NotesLength = 7
	assert.Equal(t, 7, k.OrderRules().LimitsNow().NotesLength)
	assert.Nil(t, k.Rules.Limits)
}
