package events

import (
	"fmt"
	"strconv"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// promise is a setting that the factory relies on.
type promise struct {
	name, value string
	// most is set if other values are as good: any from value to most. For
	// Kafka -1 is without end.
	most int64
	// why is what goes wrong otherwise.
	why string
}

const endless = -1

// promises are what a topic promises. A replication of 0 is not known, and then
// nothing that depends on it is among them.
func promises(topic string, settings TopicSettings, replication int) []promise {
	retention := promise{name: "retention.ms", most: endless}
	switch topic {
	case TopicDeadLetters:
		retention.value, retention.why = "-1", "a dead letter must stay until somebody has decided about it"
	case TopicShip, TopicFailures:
		retention.value, retention.why = milliseconds(settings.AnnouncementRetention), "downstream systems may come back late"
	default:
		retention.value, retention.why = milliseconds(settings.Retention), "boards, stations and figures read it again"
	}
	list := []promise{
		{name: "cleanup.policy", value: "delete", why: "a compacted topic loses all but an order's last message"},
		{name: "message.timestamp.type", value: "LogAppendTime", why: "otherwise times are those of the senders' clocks, and the broker refuses a clock that is too wrong"},
		retention,
		{name: "retention.bytes", value: "-1", why: "a partition that has grown would be deleted before its time"},
	}
	if topic == TopicDeadLetters {
		list = append(list, promise{name: "max.message.bytes", value: strconv.Itoa(MaxDeadLetterBytes), most: endless, why: "what was too large to be understood must fit"})
	}
	inSync := promise{name: "min.insync.replicas", value: "1", most: int64(max(replication, 1)), why: "no more replicas can be in sync than there are, so nothing could be written"}
	if replication >= 3 {
		inSync.value, inSync.why = "2", "a message that one broker alone has is lost with it"
	}
	return append(list, inSync)
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// isKept reports whether a value is as good as what is promised.
func (p promise) isKept(value string) bool {
	if value == p.value {
		return true
	}
	has, err := strconv.ParseInt(value, 10, 64)
	least, leastErr := strconv.ParseInt(p.value, 10, 64)
	if p.most == 0 || err != nil || leastErr != nil {
		return false
	}
	if p.most == endless {
		return has == endless || (least != endless && has >= least)
	}
	return has >= least && has <= p.most
}

// inWords says how long a number of milliseconds is.
func inWords(name, value string) string {
	number, err := strconv.ParseInt(value, 10, 64)
	switch {
	case name != "retention.ms" || err != nil:
		return value
	case number < 0:
		return value + " (for ever)"
	}
	return fmt.Sprintf("%s (%s)", value, kitchen.Duration(time.Duration(number)*time.Millisecond))
}
