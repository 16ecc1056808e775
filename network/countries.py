"""A rough position of each country of ISO 3166-1, for destinations without a more exact position offline.

XK is Kosovo: no code of ISO 3166-1, but of those that it leaves to its users, and the one that posts and carriers use.

The points are the middles of the main territories, rounded to a degree (small states: to a tenth). They are coarse: in a large
country a customer may be 2,000 km away or more. A test compares them with the towns of the time zone database.
"""

from collections.abc import Mapping
from types import MappingProxyType

_CENTROIDS = """
AD  42.5    1.5   AE   24    54    AF   34    66    AG  17.1  -61.8   AI  18.2  -63.1   AL   41    20    AM   40    45
AO  -12    18     AQ  -80     0    AR  -35   -65    AS -14.3 -170.7   AT   47    14     AU  -25   134    AW  12.5  -70.0
AX  60.2   20.0   AZ   40    48    BA   44    18    BB  13.2  -59.5   BD   24    90     BE  50.6   4.6   BF   12    -2
BG   43    25     BH  26.0  50.5   BI   -3    30    BJ  9.5    2.3    BL  17.9  -62.8   BM  32.3  -64.8  BN  4.5   114.7
BO  -17   -65     BQ  12.2 -68.3   BR  -11   -53    BS   25   -77     BT   27    90     BV -54.4   3.4   BW  -22    24
BY   53    28     BZ   17   -88    CA   56   -96    CC -12.1   96.9   CD   -3    23     CF    7    21    CG   -1    15
CH  46.8   8.2    CI    8    -6    CK -21.2 -159.8  CL  -33   -71     CM    6    12     CN   35   103    CO    4   -73
CR   10   -84     CU   22   -79    CV  15.1  -23.6  CW  12.2  -69.0   CX -10.5  105.7   CY  35.1  33.3   CZ  49.8  15.5
DE   51    10     DJ  11.7  42.6   DK   56    10    DM  15.4  -61.4   DO   19   -70     DZ   28     3    EC   -1   -78
EE  58.7   25.5   EG   27    30    EH   24   -13    ER   15    39     ES   40    -4     ET    9    40    FI   63    26
FJ -17.8  178.0   FK -51.8 -59.5   FM   7.0  158.2  FO  62.0   -6.9   FR   47     2     GA   -1    12    GB   53    -2
GD  12.1  -61.7   GE   42    43    GF    4   -53    GG  49.5   -2.6   GH    8    -1     GI  36.1   -5.4  GL   70   -42
GM  13.4  -15.5   GN   10   -11    GP  16.2  -61.5  GQ    2    10     GR   39    22     GS -54.4  -36.8  GT   16   -90
GU  13.4  144.8   GW   12   -15    GY    5   -59    HK  22.3  114.2   HM -53.1   73.5   HN   15   -87    HR   45    16
HT   19   -72     HU   47    19    ID   -3   115    IE   53    -8     IL  31.5   34.9   IM  54.2   -4.5  IN   22    79
IO  -7.3   72.4   IQ   33    44    IR   32    54    IS   65   -19     IT   43    12     JE  49.2   -2.1  JM  18.1  -77.3
JO   31    36     JP   36   138    KE    1    38    KG   41    75     KH   13   105     KI   1.4  173.0  KM -11.9   43.4
KN  17.3  -62.7   KP   40   127    KR   36   128    KW  29.3   47.6   KY  19.3  -81.2   KZ   48    67    LA   18   104
LB  33.9   35.9   LC  13.9  -61.0  LI  47.2    9.5  LK    7    81     LR    6    -9     LS -29.6   28.2  LT  55.3   23.9
LU  49.8    6.1   LV  56.9   24.9  LY   27    18    MA   32    -6     MC  43.7    7.4   MD   47    29    ME  42.8   19.2
MF  18.1  -63.1   MG  -19    47    MH   7.1  171.2  MK  41.6   21.7   ML   17    -4     MM   21    96    MN   47   104
MO  22.2  113.5   MP  15.2  145.7  MQ  14.7  -61.0  MR   20   -10     MS  16.7  -62.2   MT  35.9   14.4  MU -20.3   57.6
MV   4.2   73.5   MW  -13    34    MX   24  -102    MY    4   102     MZ  -18    35     NA  -22    17    NC -21.3  165.5
NE   17     9     NF -29.0  168.0  NG    9     8    NI   13   -85     NL  52.2    5.3   NO   61     9    NP   28    84
NR  -0.5  166.9   NU -19.1 -169.9  NZ  -41   174    OM   21    57     PA    9   -80     PE  -10   -76    PF -17.6 -149.5
PG   -6   145     PH   13   122    PK   30    70    PL   52    19     PM  46.9  -56.3   PN -25.1 -130.1  PR  18.2  -66.5
PS  31.9   35.2   PT   39    -8    PW   7.5  134.6  PY  -23   -58     QA  25.3   51.2   RE -21.1   55.5  RO   46    25
RS   44    21     RU   61    97    RW   -2    30    SA   24    45     SB  -9.6  160.2   SC  -4.7   55.5  SD   15    30
SE   61    15     SG   1.4  103.8  SH -15.9   -5.7  SI  46.1   14.8   SJ   78    16     SK  48.7   19.5  SL    8   -12
SM  43.9   12.5   SN   14   -14    SO    5    46    SR    4   -56     SS    7    30     ST   0.2    6.6  SV  13.8  -88.9
SX  18.0  -63.1   SY   35    38    SZ -26.5   31.5  TC  21.8  -71.8   TD   15    19     TF -49.3   69.3  TG    8     1
TH   15   101     TJ   39    71    TK  -9.2 -171.8  TL  -8.8  125.7   TM   39    59     TN   34     9    TO -21.2 -175.2
TR   39    35     TT  10.5  -61.3  TV  -8.5  179.2  TW   24   121     TZ   -6    35     UA   49    31    UG    1    32
UM  19.3  166.6   US   39   -98    UY  -33   -56    UZ   41    64     VA  41.9   12.5   VC  13.2  -61.2  VE    7   -66
VG  18.4  -64.6   VI  18.3  -64.9  VN   16   108    VU -17.7  168.3   WF -13.3 -176.2   WS -13.8 -172.1  YE   16    48
XK  42.6   20.9   YT -12.8   45.2   ZA  -29    25    ZM  -13    28    ZW  -19    30
"""


def _parse(table: str) -> Mapping[str, tuple[float, float]]:
    words = table.split()
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    return MappingProxyType({country: (float(latitude), float(longitude)) for country, latitude, longitude in triples})


CENTROIDS: Mapping[str, tuple[float, float]] = _parse(_CENTROIDS)
"""(latitude, longitude) in degrees by ISO 3166-1 alpha-2 code."""
