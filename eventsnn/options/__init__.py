"""Options: what can be chosen, each declared once, as a field of a frozen dataclass.

``option(64, "Recordings an update.", least=1)`` declares type (by the field's annotation), default,
help, unit and bounds. Files, command lines, checkpoints and Python programs are checked by the same
declaration; the flags of a command, the keys of a TOML file and tables of a page are made from it.
"""

from eventsnn.options.declaration import Form as Form
from eventsnn.options.declaration import Option as Option
from eventsnn.options.declaration import inline as inline
from eventsnn.options.declaration import option as option
from eventsnn.options.door import LARGEST as LARGEST
from eventsnn.options.door import Declared as Declared
from eventsnn.options.door import declared as declared
from eventsnn.options.door import flat as flat
from eventsnn.options.door import made as made
from eventsnn.options.door import read_json as read_json
from eventsnn.options.door import renamed as renamed
from eventsnn.options.door import take as take
