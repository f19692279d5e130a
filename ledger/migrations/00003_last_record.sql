-- +goose Up

-- A log that was cut and has grown since has other records at offsets that were read. The
-- last one that was read tells it from the log that was read.

ALTER TABLE positions
    ADD COLUMN last_offset bigint,
    ADD COLUMN last_checksum bigint;
COMMENT ON COLUMN positions.last_offset IS 'The offset of the last record that was read; null if it is not known, as before this column was there.';
COMMENT ON COLUMN positions.last_checksum IS 'A checksum of that record''s key, value and time. If the log has another record there, it was cut and has grown since.';

-- +goose Down
ALTER TABLE positions DROP COLUMN last_checksum, DROP COLUMN last_offset;
