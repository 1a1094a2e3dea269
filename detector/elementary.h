/*
 * Elementary functions -- without libm, since the agent is linked to libc alone.
 *
 * Context: any; pure. Cost: 10 to 20 ns each.
 */
#pragma once

double elementary_log(double x); /* natural; of 0 and less: -1e300; relative error below 1e-12 */
double elementary_exp(double x); /* 0 below -700, 1e300 above 690; relative error below 1e-12 */
/* The chance that a normal variable exceeds z; relative error below 1e-5 */
double elementary_normal_tail(double z);

/* One instruction where the compiler need not set errno (detector/meson.build sees to that). */
static inline double elementary_sqrt(double x)
{
	return __builtin_sqrt(x);
}
