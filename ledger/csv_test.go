package ledger

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func csvOf(t testing.TB, table Table) string {
	var out bytes.Buffer
	require.NoError(t, table.WriteCSV(&out))
	return out.String()
}

func TestCSVOfEachReport(t *testing.T) {
	t.Parallel()
	due := time.Date(2026, 11, 26, 11, 0, 0, 0, time.UTC)
	euros, yen := wire.Money{Currency: "EUR", Decimals: 2, Amount: 161205}, wire.Money{Currency: "JPY", Amount: 900}
	date := kitchen.Date{Year: 2026, Month: 11, Day: 26}
	day := wire.HistoryDay{
		Flavours: []wire.DayFlavour{{Flavour: "lemon", Size: "L", Pieces: 96, Scrapped: 12, Revenue: []wire.Money{euros, yen}}, {Flavour: "carrot", Size: "S"}},
		Waste:    []wire.DayWaste{{Stage: "bake", Reason: "burnt", Flavour: "lemon", Worker: "bob", Failures: 2, Pieces: 12}},
		People:   []wire.DayPerson{{Worker: "bob", Stage: "bake", Tickets: 4, Pieces: 40, InHandSeconds: 1200.25, Failures: 2, Scrapped: 12}},
		Hours:    []wire.DayHour{{Hour: 9, Placed: 3, Due: 2, Ready: 1}},
		Late:     []wire.LateOrder{{PickupCode: "K7QF", DueAt: due, LateSeconds: 90, Cause: wire.DelayedInQueue, Stage: "decorate"}},
	}
	stages := wire.HistoryStages{
		Stages: []wire.StageTimes{{Stage: "mix", Tickets: 412, Waited: &wire.Quantiles{P50: 95, P90: 310}}},
		Hours:  []wire.StageHourTimes{{Stage: "mix", Weekday: "monday", Hour: 9, Tickets: 4, InHand: &wire.Quantiles{P50: 240, P90: 420}}},
	}
	for name, test := range map[string]struct {
		table Table
		lines []string
	}{
		"Days": {DaysTable(wire.HistoryDays{Days: []wire.DayFigures{{Day: date, Orders: 41, Pieces: 530, Ready: 40, Collected: 38, Cancelled: 1, Late: 3, Remakes: 1, Scrapped: 12, Revenue: []wire.Money{euros, yen}}}}), []string{
			"day,orders,pieces,ready,collected,cancelled,open,late,remakes,scrapped,revenue,currency",
			"2026-11-26,41,530,40,38,1,0,3,1,12,1612.05,EUR",
			"2026-11-26,,,,,,,,,,900,JPY",
		}},
		"Flavours": {FlavoursTable(day), []string{"flavour,size,pieces,scrapped,revenue,currency", "lemon,L,96,12,1612.05,EUR", "lemon,L,,,900,JPY", "carrot,S,0,0,,"}},
		"Waste":    {WasteTable(day), []string{"stage,reason,flavour,worker,failures,pieces", "bake,burnt,lemon,bob,2,12"}},
		"People":   {PeopleTable(day), []string{"worker,stage,tickets,pieces,in_hand_seconds,failures,scrapped", "bob,bake,4,40,1200.25,2,12"}},
		"Hours":    {HoursTable(day), []string{"hour,placed,due,ready", "9,3,2,1"}},
		"Late":     {LateTable(day), []string{"order_id,pickup_code,due_at,ready_at,late_seconds,cause,stage", ",K7QF,2026-11-26T11:00:00Z,,90,queue,decorate"}},
		"Stages":   {StagesTable(stages), []string{"stage,tickets,waited_p50,waited_p90,in_hand_p50,in_hand_p90", "mix,412,95,310,,"}},
		"StageHours": {StageHoursTable(stages), []string{
			"stage,weekday,hour,tickets,waited_p50,waited_p90,in_hand_p50,in_hand_p90", "mix,monday,9,4,,,240,420",
		}},
		"Forecast": {ForecastTable(wire.HistoryForecast{Flavours: []wire.FlavourForecast{{Flavour: "lemon", Pieces: 118, Low: 84, High: 160, Ordered: 36}}}), []string{
			"flavour,pieces,low,high,ordered", "lemon,118,84,160,36",
		}},
		"Bottleneck": {BottleneckTable(wire.HistoryBottleneck{Stage: "bake", Stages: []wire.StageLoad{{Stage: "mix", ClearSeconds: new(float64)}, {Stage: "bake", Waiting: 9, InHand: 1, Asked: 2, OldestWaitingSeconds: new(2900.0), People: 1}}}), []string{
			"stage,waiting,in_hand,asked,oldest_waiting_seconds,arrived_last_hour,done_last_hour,typical_in_hand_seconds,people,clear_seconds,bottleneck",
			"mix,0,0,0,,0,0,,0,0,false", "bake,9,1,2,2900,0,0,,1,,true",
		}},
		"Delay": {DelayTable(wire.HistoryDelay{Steps: []wire.DelayStep{{Stage: "mix", Pass: 1, Kind: "make", WaitedSeconds: new(60.0), ExtraSeconds: -25.0004, AskedSeconds: 30.5, Worker: "max"}}}), []string{
			"stage,pass,kind,waited_seconds,usual_waited_seconds,in_hand_seconds,usual_in_hand_seconds,extra_seconds,failures,silent_seconds,asked_seconds,worker",
			"mix,1,make,60,,,,-25,0,0,30.5,max",
		}},
		"Trace": {TraceTable(wire.HistoryTrace{Tickets: []wire.TracedTicket{{PickupCode: "K7QF", Stage: "bake", Pass: 2, Worker: "bob", EndedAt: due, Flavours: []string{"carrot", "lemon"}, Pieces: 10, State: "shipped", Customer: `Ada "Countess", of Lovelace`}}}), []string{
			"order_id,pickup_code,stage,pass,worker,started_at,ended_at,flavours,pieces,state,collected_at,customer",
			`,K7QF,bake,2,bob,,2026-11-26T11:00:00Z,carrot lemon,10,shipped,,"Ada ""Countess"", of Lovelace"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, strings.Join(test.lines, "\r\n")+"\r\n", csvOf(t, test.table))
		})
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	for cell, written := range map[string]string{
		`=HYPERLINK("http://x")`: `'=HYPERLINK("http://x")`,
		"+1":                     "'+1",
		"-1+1":                   "'-1+1",
		"@SUM(A1)":               "'@SUM(A1)",
		"\t=1":                   "'\t'=1",
		"a;=1":                   "a;'=1", // where a semicolon is between cells
		"a;b":                    "a;b",
		"  =1":                   "  '=1",
		"＝1":                     "'＝1",
		"-12.5":                  "-12.5", // a number is one
		"bob=1":                  "bob=1",
		"":                       "",
		"-":                      "'-",
	} {
		require.Equal(t, written, notAFormula(cell))
	}
}

func FuzzCSVIsReadAsItWasWrittenAndHasNoFormula(f *testing.F) {
	for _, seed := range []string{"bob", "=1+1", "-1", "-1|cmd", "\r=1", "\n@x", `"`, "a,b", "a\r\nb", "＋1", "'=1"} {
		f.Add(seed, "other")
	}
	f.Fuzz(func(t *testing.T, cell, other string) {
		written := csvOf(t, Table{{"worker", "stage"}, {cell, other}})
		rows, err := csv.NewReader(strings.NewReader(written)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 2)
		for i, was := range []string{cell, other} {
			read := rows[1][i]
			if !plainNumber.MatchString(read) && read != "" {
				require.NotContains(t, []rune(formulaStarts+"\t\r\n"), []rune(read)[0])
			}
			// Line breaks within a cell come back as plain ones.
			plain := strings.NewReplacer("\r\n", "\n", "\r", "")
			require.Equal(t, plain.Replace(notAFormula(was)), plain.Replace(read))
		}
	})
}
