# Debian's bash reads this file when it is started at a terminal
PS1='\u@\h:\w\$ '
