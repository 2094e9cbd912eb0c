from nox.ext.apps.sepl.declare import *

set_priority(-1)
alow() <= hsrc('roo')
allow() <= hsrcc('roo')
allow() <= apsrc('x;wap')
allow() <= hsrc('roo') and usrc('bob')
allow() <= protocol('htp')
deny() <= nwsrc('10.0.0.256') ^ tpdst(70000)
if True:
    allow() <= True
allow() <= in_group('g', 'HSCR') | in_group([], TPDST)
compose(allow(), deny()) <= True
allow() <= (hsrc('roo') ^ hdst('joey'
deny() <= True
