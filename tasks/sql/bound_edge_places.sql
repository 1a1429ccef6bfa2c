-- Between which places the edges are that were found.
select min(place), max(place)
from edge_places
