-- Since when all captures are being read again.
select begun_at from rereading
