package kitchen

import (
	"strings"
	"time"
)

func (r *yamlReader) opening(o *Opening) yamlRead {
	dates := r.unique(alreadyInList)
	return r.mapping(
		optional("timezone", func(p yamlPlace) {
			if name, ok := r.text(p); ok {
				if err := o.setTimeZone(name); err != nil {
					r.faultf(p, "%v", err)
				}
			}
		}),
		optional("hours", r.hours(&o.Hours)),
		optional("closed", listOf(r, &o.Closed, 0, maxClosed, func(date *Date) yamlRead {
			var text string
			return func(p yamlPlace) {
				once(dates, &text, func(p yamlPlace) { text, _ = r.text(p) })(p)
				if text == "" {
					return
				}
				var err error
				if *date, err = ParseDate(text); err != nil {
					r.faultf(p, "%v", err)
				}
			}
		})),
		optional("slot", r.minutes(&o.Slot, MinSlot, MaxSlot)),
		optional("capacity", r.whole(&o.Capacity, 1, MaxCapacity)),
		optional("lead", r.mapping(
			optional("base", r.duration(&o.Lead.Base, 0, MaxLead)),
			optional("perDozen", r.duration(&o.Lead.PerDozen, 0, MaxLeadPerDozen)),
		)),
		optional("ahead", r.whole(&o.Ahead, 0, MaxAhead)),
	)
}

// hours reads the spans of each day of the week. What is given replaces all: on a day
// that is left out the bakery is closed.
func (r *yamlReader) hours(hours *[7][]Span) yamlRead {
	var fields []yamlField
	var given [7][]Span
	for day := range given {
		name := strings.ToLower(time.Weekday(day).String())
		fields = append(fields, optional(name, r.spans(&given[day])))
	}
	read := r.mapping(fields...)
	return func(p yamlPlace) {
		read(p)
		*hours = given
	}
}

func (r *yamlReader) spans(spans *[]Span) yamlRead {
	var last Span
	return listOf(r, spans, 0, maxSpans, func(span *Span) yamlRead {
		return func(p yamlPlace) {
			text, ok := r.text(p)
			if !ok {
				return
			}
			if err := span.UnmarshalText([]byte(text)); err != nil {
				r.faultf(p, "%v", err)
				return
			}
			if span.From < last.To {
				r.faultf(p, "must begin when %s has ended, or later", last)
			}
			last = *span
		}
	})
}

// minutes reads a duration in whole minutes.
func (r *yamlReader) minutes(d *Duration, least, most time.Duration) yamlRead {
	read := r.duration(d, least, most)
	return func(p yamlPlace) {
		before := len(r.faults)
		read(p)
		if len(r.faults) == before && time.Duration(*d)%time.Minute != 0 {
			r.faultf(p, "must be whole minutes, it is %s", *d)
		}
	}
}
