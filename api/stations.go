package api

import (
	"context"
)

// GetBoard shows a station's board.
func (s *Server) GetBoard(_ context.Context, request GetBoardRequestObject) (GetBoardResponseObject, error) {
	return GetBoard200JSONResponse(s.floor.Board(request.Stage)), nil
}

// AckTicket publishes an ack and answers with what the log makes of it.
func (s *Server) AckTicket(ctx context.Context, request AckTicketRequestObject) (AckTicketResponseObject, error) {
	by, _ := sessionOf(ctx)
	ticket, err := s.floor.Ack(requestContext(ctx), by.Name, request.Stage, request.Ticket, *request.Body)
	s.metrics.acks.WithLabelValues(string(request.Body.Kind), ackOutcome(err)).Inc()
	if err != nil {
		return nil, err
	}
	return AckTicket200JSONResponse(ticket), nil
}

// ackOutcome is what became of an ack, for the metrics.
func ackOutcome(err error) string {
	if err == nil {
		return "counts"
	}
	if kindOf(asProblem(err).Type).Status >= 500 {
		return "unknown"
	}
	return "refused"
}

// GetStatistics tells what the stations did in the last hours.
func (s *Server) GetStatistics(context.Context, GetStatisticsRequestObject) (GetStatisticsResponseObject, error) {
	return GetStatistics200JSONResponse(s.floor.Statistics()), nil
}

// GetPace tells how long the stages take at present.
func (s *Server) GetPace(context.Context, GetPaceRequestObject) (GetPaceResponseObject, error) {
	return GetPace200JSONResponse(s.floor.Pace()), nil
}
