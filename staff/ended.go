package staff

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"sync"
	"time"
)

// endedSessions are the sessions that have ended before their time. Whoever keeps the
// sessions' log tells: see End and EndAll.
type endedSessions struct {
	mu sync.RWMutex // guards what follows
	// marks have when each of those sessions would have ended by itself: then it is
	// forgotten.
	marks map[string]time.Time
	// ends is when all sessions of a person were ended last, in milliseconds of Unix
	// time. A session has the end that was known when it began.
	ends map[string]int64
}

// Mark tells a session from all others, and does not help to forge its token: it may
// be kept where others can read it.
func (s Session) Mark() string {
	sum := sha256.Sum256([]byte(s.ID))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// End ends the session with a mark, which would have ended by itself at until.
func (s *Sessions) End(mark string, until time.Time) {
	now := s.Now()
	s.ended.mu.Lock()
	defer s.ended.mu.Unlock()
	maps.DeleteFunc(s.ended.marks, func(_ string, until time.Time) bool { return !now.Before(until) })
	if now.Before(until) {
		s.ended.marks[mark] = until
	}
}

// EndAll ends all sessions of a person that began without knowing of this end. It is
// told apart from others by its time, to the millisecond.
func (s *Sessions) EndAll(name string, at time.Time) {
	s.ended.mu.Lock()
	defer s.ended.mu.Unlock()
	s.ended.ends[name] = at.UnixMilli()
}

// HasEnded reports whether a session was ended before its time.
func (s *Sessions) HasEnded(session Session) bool {
	s.ended.mu.RLock()
	defer s.ended.mu.RUnlock()
	if _, ended := s.ended.marks[session.Mark()]; ended {
		return true
	}
	return session.knows < s.ended.ends[session.Name]
}

// endOf is when all sessions of a person were ended last, as far as is known.
func (s *Sessions) endOf(name string) int64 {
	s.ended.mu.RLock()
	defer s.ended.mu.RUnlock()
	return s.ended.ends[name]
}
