package eventstest

import "encoding/binary"

// JavaPartition is where Kafka's Java producer puts a key: a second,
// independent computation of its murmur2, held against that client's own test
// vectors.
func JavaPartition(key []byte, partitions int) int {
	return int(JavaMurmur2(key)&0x7fffffff) % partitions
}

// JavaMurmur2 is the hash that the Java client takes of a key.
func JavaMurmur2(data []byte) int32 {
	const m = 0x5bd1e995
	hash := uint32(0x9747b28c) ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		word := binary.LittleEndian.Uint32(data) * m
		hash = hash*m ^ (word^word>>24)*m
	}
	if len(data) > 0 {
		var rest [4]byte
		copy(rest[:], data)
		hash = (hash ^ binary.LittleEndian.Uint32(rest[:])) * m
	}
	hash = (hash ^ hash>>13) * m
	return int32(hash ^ hash>>15)
}
