package events

import (
	"errors"
	"fmt"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	defaultPartitions            = 8
	defaultRetention             = 7 * 24 * time.Hour
	defaultAnnouncementRetention = 30 * 24 * time.Hour
	// shortestRetention is longer than any reader looks back.
	shortestRetention = 24 * time.Hour
)

// TopicSettings says how the topics shall be.
type TopicSettings struct {
	// Partitions bounds how many members of one group can work at a time.
	// Topics that have fewer get more, which moves keys; none is ever shrunk.
	// 0 leaves topics alone that exist; those that are created get as many as
	// the others have, and 8 if there are none.
	Partitions int
	// Replication is on how many brokers each message lies. It holds for
	// topics that are created; existing ones keep theirs. Defaults to what
	// the broker is set to.
	Replication int
	// Retention is how long tickets and acks are kept at least. Defaults to 7
	// days.
	Retention time.Duration
	// AnnouncementRetention is how long announcements that an order was shipped,
	// was cancelled or needs attention are kept at least. Defaults to 30 days.
	AnnouncementRetention time.Duration
	// NoticeTime is how long the factory's processes get to notice that a topic is
	// about to have more partitions, and again that it has. Defaults to 20 s.
	NoticeTime time.Duration
}

// Check returns every fault of the settings at once.
func (s TopicSettings) Check() error {
	var faults []error
	if s.Partitions < 0 || s.Partitions > 10_000 {
		faults = append(faults, fmt.Errorf("partitions: %d must be from 1 to 10000, or 0 for as many as there are, and %d if there are none", s.Partitions, defaultPartitions))
	}
	if s.Replication < 0 || s.Replication > 32_767 {
		faults = append(faults, fmt.Errorf("replication: %d must be at least 1, or 0 for the broker's own default", s.Replication))
	}
	for _, kept := range []struct {
		name string
		long time.Duration
	}{{"retention", s.Retention}, {"announcement retention", s.AnnouncementRetention}} {
		if kept.long != 0 && kept.long < shortestRetention {
			faults = append(faults, fmt.Errorf("%s: %s must be at least %s: boards and figures are put together from what is kept",
				kept.name, kitchen.Duration(kept.long), kitchen.Duration(shortestRetention)))
		}
	}
	return errors.Join(faults...)
}

func (s *TopicSettings) setDefaults() {
	if s.Retention == 0 {
		s.Retention = defaultRetention
	}
	if s.AnnouncementRetention == 0 {
		s.AnnouncementRetention = defaultAnnouncementRetention
	}
	if s.NoticeTime == 0 {
		s.NoticeTime = noticeTime
	}
}

// command is the command line that applies the settings.
func (s TopicSettings) command() string {
	command := "cupcakery topics apply"
	if s.Partitions > 0 {
		command += fmt.Sprintf(" --partitions %d", s.Partitions)
	}
	if s.Replication > 0 {
		command += fmt.Sprintf(" --replication %d", s.Replication)
	}
	if s.Retention != defaultRetention {
		command += fmt.Sprintf(" --retention %s", kitchen.Duration(s.Retention))
	}
	if s.AnnouncementRetention != defaultAnnouncementRetention {
		command += fmt.Sprintf(" --announcement-retention %s", kitchen.Duration(s.AnnouncementRetention))
	}
	return "`" + command + "`"
}
