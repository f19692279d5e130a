package events

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// UnavailableError says that Kafka cannot be reached or did not answer in
// time. The same call may succeed later; a message of a failed publish may
// have been written all the same.
type UnavailableError struct {
	Brokers []string
	Err     error
}

// Error names the brokers and the cause.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("Kafka is unavailable at %s: %v", strings.Join(e.Brokers, ", "), e.Err)
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// PoisonError says that a message can never be understood, however often it is
// read. Such a message belongs to the dead letters, with this error's text as
// the reason.
type PoisonError struct {
	Message Message
	Err     error
}

// Error says what is wrong with the message.
func (e *PoisonError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *PoisonError) Unwrap() error { return e.Err }

// ErrTooLarge says that a message is larger than its topic takes or, if it is a status,
// than its readers do.
var ErrTooLarge = errors.New("larger than its topic takes")

// isTooLarge reports whether a broker, or kafka-go itself, refused a message
// for its size.
func isTooLarge(err error) bool {
	_, ourselves := errors.AsType[kafka.MessageTooLargeError](err)
	return ourselves || errors.Is(err, kafka.MessageSizeTooLarge)
}

// ClockError says that the broker refuses records that this machine's clock has
// dated. No retry helps until somebody applies the remedy that it names.
type ClockError struct {
	Topic string
	Err   error
}

// Error names the topic and the remedies.
func (e *ClockError) Error() string {
	return fmt.Sprintf("the broker refuses this machine's clock for topic %q: set the clock, or let the broker date the records (LogAppendTime): `cupcakery topics apply`: %v", e.Topic, e.Err)
}

// Unwrap returns the broker's answer.
func (e *ClockError) Unwrap() error { return e.Err }

// refusedClock is err as a ClockError, if the broker has refused our clock.
func refusedClock(topic string, err error) error {
	if errors.Is(err, kafka.InvalidTimestamp) {
		return &ClockError{Topic: topic, Err: err}
	}
	return err
}

// explain turns an error of a request into one that callers can tell apart:
// an outage becomes an UnavailableError, what a person must mend says how, and
// the rest stays as it is.
func (c Connection) explain(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, kafka.SASLAuthenticationFailed), errors.Is(err, kafka.UnsupportedSASLMechanism),
		errors.Is(err, kafka.IllegalSASLState), errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.UnsupportedSaslMechanism):
		return fmt.Errorf("the broker refused the SASL credentials (mechanism %q, user %q): %w", c.SASL.Mechanism, c.SASL.Username, err)
	case isTLSMismatch(err):
		return fmt.Errorf("the TLS settings do not match the broker: %w", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		// A broker that goes down closes without an answer, and so does one that
		// expects TLS or SASL.
		err = fmt.Errorf("the broker closed the connection; if it always does, the TLS or SASL settings do not fit its port: %w", err)
		return &UnavailableError{Brokers: c.Brokers, Err: err}
	case isOutage(err):
		return &UnavailableError{Brokers: c.Brokers, Err: err}
	}
	return err
}

// isTLSMismatch reports whether one side refused the other's certificate, or
// does not speak TLS at all.
func isTLSMismatch(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	if errors.As(err, &certificate) || errors.As(err, &record) {
		return true
	}
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "remote error" // crypto/tls has no other mark for an alert of the peer
}

// isOutage reports whether an error passes by itself once Kafka works again.
func isOutage(err error) bool {
	var network net.Error
	var code kafka.Error
	switch {
	case isMissingTopic(err):
		return false // temporary to both clients, but somebody must create the topic
	case kerr.IsRetriable(err), kgo.IsRetryableBrokerErr(err):
		return true
	case errors.As(err, &code):
		return code == kafka.BrokerNotAvailable || code.Temporary() || code.Timeout()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed):
		return true
	}
	return errors.As(err, &network)
}

// isMissingTopic reports whether an error means that a topic or partition does
// not exist as far as the broker knows.
func isMissingTopic(err error) bool {
	return errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition) ||
		errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}
