# A site of SNAC: who is registered, and what is allowed.
import nox.apps.directory.discovered_directory as discovered
from nox.ext.apps.sepl.declare import *

check(register_switch('edge', 0x505400000003))
check(register_location('wap', 0x505400000003, 7, 'eth7'))
check(register_host('www', dladdr=0x505400000001, nwaddr='192.168.1.1'))
check(register_host('laptop', dladdr='50:54:00:00:00:02'))
check(register_user('ann'))
check(register_user('ben'))
check(register_user_group('staff', 'who works here', ['ann'], ['helpers']))
check(register_user_group('helpers', 'who helps', ['ben'], []))

web = [80, 443]

set_priority(0)
set_description("Whom nobody knows is to log in")
http_redirect() <= usrc("discovered;unauthenticated") ^ protocol('tcp_http') ^ locsrc('sepl_directory;wap')
cascade()

set_description("Addresses are found and given")
allow() <= protocol('arp') | (protocol('dhcpc') | protocol('dhcps')) ^ nwproto(17)
allow() <= dldst("ff:ff:ff:ff:ff:ff")
cascade()

# printers answer and do not ask
deny() <= isConnRequest() ^ in_group('Built-in;Printers', 'HSRC')
allow() <= in_group('staff', USRC) ^ hdst('www') ^ in_group(web, TPDST)
waypoint('ids') <= usrc('guest') ^ ~subnetdst('10.0.0.0/8')
cascade()

allow() <= dlvlan(5) | ~hsrc(discovered.UNAUTHENTICATED) ^ nwsrc('192.168.1.1')
cascade()
deny() <= True
