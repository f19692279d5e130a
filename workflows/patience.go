package workflows

// patience is how long the open ticket's owner may be silent before a manager is
// asked. Activities complain from the attempt on at which they have been silent for
// MaxReissues; only a manager's decision to wait on makes the order ignore that.
type patience struct {
	// until is for how many attempts the owner may be silent; waitsOn is set
	// from the decision to the first complaint after it, which tells how long the
	// owner had been silent by then.
	until   int
	waitsOn bool
	// from is the first attempt at which a complaint of an older build is heard.
	from int
}

// waitOn notes that a manager has decided to wait.
func (p *patience) waitOn(maxReissues int) {
	p.waitsOn = true
	p.from += maxReissues
}

// isOver reports whether a manager is to be asked after a complaint about the
// open ticket.
func (p *patience) isOver(complaint Unanswered, maxReissues int) bool {
	if complaint.Silent == 0 {
		return complaint.Attempt >= p.from
	}
	if complaint.Silent <= maxReissues { // the first since the owner was heard of
		p.until, p.waitsOn = 0, false
	} else if p.waitsOn {
		p.until, p.waitsOn = complaint.Silent-1+maxReissues, false
	}
	return complaint.Silent >= p.until
}
