/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/job_load.h"

#include "exporter/config/job_file.h"

int ex_job_load(const char *path, const struct ex_config *config, struct ex_job_spec **ret_spec,
                struct fo_error *reterr) {
    struct ex_job_spec *spec;

    int ret = ex_job_file_load(path, config, &spec, reterr);
    if (ret < 0)
        return ret;
    ret = ex_job_check_machine(spec, reterr);
    if (ret < 0) {
        (void)ex_job_spec_unref(spec);
        return ret;
    }
    *ret_spec = spec;
    return 0;
}
