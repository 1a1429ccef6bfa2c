-- What cannot be read back of the captures is a rejection, too.

comment on column rejections.stage is '''read'', ''parse'', ''taxonomy'', ''page'', ''image'' or ''capture''';
