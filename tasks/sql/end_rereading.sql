-- All captures were read again.
delete from rereading
