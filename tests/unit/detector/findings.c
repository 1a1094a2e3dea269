/*
 * Tests of detector/findings: what is a false discovery, and what is held back on a running process.
 */
#include "detector/findings.h"
#include "tests/unit/check.h"

#define S UINT64_C(1000000000)

static struct findings findings;
static struct options options;

static struct wire_evidence suspect(double z)
{
	return (struct wire_evidence){.finding = FINDING_LEAK,
				      .z = (float)z,
				      .survivors = 50,
				      .births = 1000,
				      .survivor_bytes = 100000,
				      .bytes_per_hour = 1000};
}

static enum verdict_state settle(struct wire_evidence *found, uint64_t age_ns, bool at_end)
{
	findings_begin(&findings, &options, age_ns, at_end);
	findings_add(&findings, found);
	findings_sift(&findings);
	return findings_settle(&findings, found, 5000);
}

static void held_back(void)
{
	struct wire_evidence found = suspect(6);

	options_default(&options);
	CHECK_EQ(settle(&found, 100 * S, true), VERDICT_LEAK);
	found = suspect(6);
	CHECK_EQ(settle(&found, 3599 * S, false), VERDICT_INCONCLUSIVE);
	CHECK_EQ(findings.n_suspects, 1);
	found = suspect(6);
	CHECK_EQ(settle(&found, 3600 * S, false), VERDICT_INCONCLUSIVE); /* once is not enough */
	CHECK_EQ(settle(&found, 3700 * S, false), VERDICT_LEAK);
	CHECK_EQ(findings.n[VERDICT_LEAK], 1);
	CHECK_NEAR(findings.bytes_per_hour[VERDICT_LEAK], 1000, 0);
	found.finding = FINDING_FLAT;
	CHECK_EQ(settle(&found, 3800 * S, false), VERDICT_STABLE);
	found.finding = FINDING_LEAK;
	CHECK_EQ(settle(&found, 3900 * S, false), VERDICT_INCONCLUSIVE); /* and it counts from the beginning */
}

/* Among many that have survivors, a weak trend is what chance makes; a strong one is not. */
static void false_discoveries(void)
{
	struct wire_evidence quiet = suspect(0.5), weak = suspect(2.95), strong = suspect(6);

	quiet.finding = FINDING_FLAT;
	options_default(&options);
	CHECK_EQ(settle(&weak, S, true), VERDICT_LEAK);
	findings_begin(&findings, &options, S, true);
	for (unsigned i = 0; i < 1000; i++)
		findings_add(&findings, &quiet);
	findings_add(&findings, &weak);
	findings_add(&findings, &strong);
	findings_sift(&findings);
	CHECK_RANGE(findings.z_cut, 3.5, 5.9);
	CHECK_EQ(findings_settle(&findings, &weak, 1), VERDICT_INCONCLUSIVE);
	CHECK_EQ(findings_settle(&findings, &strong, 1), VERDICT_LEAK);
	CHECK_EQ(findings.n_judged, 2);
}

static void shares(void)
{
	struct wire_evidence found = suspect(6);
	double share, low, high;

	finding_share(&found, &share, &low, &high); /* Wilson: 50 of 1000 */
	CHECK_NEAR(share, 0.05, 1e-6);
	CHECK_NEAR(low, 0.0381, 2e-4);
	CHECK_NEAR(high, 0.0653, 2e-4);
	found.births = found.survivors = 0;
	finding_share(&found, &share, &low, &high);
	CHECK(share == 0 && low == 0 && high == 1);
	found.finding = 200;
	CHECK_EQ(finding_state(&found), VERDICT_INCONCLUSIVE);
}

int main(void)
{
	held_back();
	false_discoveries();
	shares();
	return check_result();
}
