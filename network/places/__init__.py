"""Where postal codes, cities and regions of the world are: tables made from GeoNames, read country by country."""

from network.places.tables import Row, begins_a_code, city, part, points, postal, postal_area, region

__all__ = ["Row", "begins_a_code", "city", "part", "points", "postal", "postal_area", "region"]
