-- Main images of pages that no row is made of yet.
select distinct lead_image_url
from pages
where lead_image_url is not null
    and lead_image_url not in (select url from images)
order by lead_image_url
