package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// readWithin bounds one reading of the log.
const readWithin = 2 * time.Minute

// openTickets reads the log as far back as twice the longest ackWithin. An older
// ticket that its order waits for has been issued again since.
func (d *Doctor) openTickets(ctx context.Context) ([]board.Entry, error) {
	reading, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	var longest time.Duration
	var topics []string
	for _, stage := range kitchen.Stages() {
		longest = max(longest, d.config.Rules.AckWithinFor(stage))
		topics = append(topics, events.TicketTopic(stage))
	}
	log, caughtUp, lookBack := board.New(), false, 2*longest
	err := events.Tail(reading, events.TailConfig{
		Connection: d.config.Kafka,
		Topics:     append(topics, events.TopicAcks),
		LookBack:   lookBack,
		Logger:     d.config.Logger,
		CaughtUp:   func() { caughtUp = true; cancel() },
		Handle: func(m events.Message) {
			if m.Topic == events.TopicAcks {
				if ack, err := events.DecodeAck(m); err == nil { // the workers see to poison
					log.AddAck(ack, board.HeardFrom(m, 0))
				}
			} else if ticket, err := events.DecodeTicket(m); err == nil {
				log.AddTicket(ticket, board.HeardFrom(m, 0))
			}
		},
	})
	switch {
	case err != nil:
		return nil, err
	case ctx.Err() != nil:
		return nil, errors.New("interrupted; nothing was withdrawn")
	case !caughtUp:
		return nil, &UnreachableError{fmt.Errorf("the log in Kafka could not be read within %s", readWithin)}
	}
	log.CaughtUp(lookBack)
	log.ForgetTooOld() // the log was not read far enough back to know whether those are open
	return openTickets(log), nil
}
