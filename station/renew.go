package station

import (
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// renew says again and again that a job is in hand here, until it is over: its
// owner is not silent then, and it is neither issued again nor taken over. The
// time between is monotonic.
func (s *Station) renew(j *job, over <-chan struct{}) {
	for {
		s.mu.Lock()
		timer := time.NewTimer(max(s.within(j)/renewalsWithin, retryAtFirst))
		s.mu.Unlock()
		select {
		case <-timer.C:
		case <-over:
			timer.Stop()
			return
		case <-s.ctx.Done():
			timer.Stop()
			return
		}
		s.mu.Lock()
		if !s.renews(j, over) {
			s.mu.Unlock()
			continue // an answer is on its way
		}
		ack := s.newAck(j, kitchen.AckStarted)
		startedAt := j.startedAt
		ack.StartedAt = &startedAt
		j.renewing++
		s.mu.Unlock()
		_ = s.publish(s.ctx, ack, func(error, bool) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.renews(j, over)
		}) // if the station stops, there is nobody who works on
		s.mu.Lock()
		j.renewing--
		s.change()
		s.mu.Unlock()
	}
}

// renews reports whether a job is in hand, as it was when over was made, and is
// not about to end. The lock is held.
func (s *Station) renews(j *job, over <-chan struct{}) bool {
	return j.state == InHand && j.over == over && j.releasing == 0
}
