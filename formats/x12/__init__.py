"""X12 as text: interchanges, groups, sets, segments and elements, and their acknowledgment by a 997. It knows no business."""
