/*
 * Identity -- who this process is: its ids, program, command, folder and start, as the region has them.
 */
#pragma once

/* All of it. Context: init. */
void identity_describe(void);
/* What differs in a forked child: ids and start. Context: init, or the only thread of a child. */
void identity_describe_moment(void);
