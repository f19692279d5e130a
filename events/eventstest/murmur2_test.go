package eventstest

import (
	"testing"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// The vectors are those of the Java client's own test of its hash.
func TestJavaMurmur2(t *testing.T) {
	for key, hash := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		assert.Equal(t, hash, JavaMurmur2([]byte(key)), key)
	}
}

func TestOurBalancerAgreesWithJava(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOf(rapid.Byte()).Draw(t, "key")
		partitions := make([]int, rapid.IntRange(1, 50).Draw(t, "partitions"))
		for i := range partitions {
			partitions[i] = i
		}
		got := kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: append([]byte{}, key...)}, partitions...)
		if want := JavaPartition(key, len(partitions)); got != want {
			t.Fatalf("partition %d, Java says %d", got, want)
		}
	})
}
