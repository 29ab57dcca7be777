"""How orders, circulars, meetings and their tasks are driven to their end.

What is addressed to somebody is answered by him alone and decided on by the authority that issued it alone. How long
each step takes stands in `law/supervision.yaml`.
"""

from .circulars import CIRCULAR
from .letters import LETTER
from .meetings import MEETING, TASK
from .orders import ORDER
from .shared import HOLDERS, OFFICES

__all__ = ["CIRCULAR", "HOLDERS", "LETTER", "MEETING", "OFFICES", "ORDER", "TASK"]
