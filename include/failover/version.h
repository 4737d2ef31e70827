/* SPDX-License-Identifier: Apache-2.0 */
/* failover/version.h - the version of libfailover and of everything built with it. */
#ifndef FAILOVER_VERSION_H
#define FAILOVER_VERSION_H

#define FO_VERSION_MAJOR 0
#define FO_VERSION_MINOR 1
#define FO_VERSION_PATCH 0
#define FO_VERSION "0.1.0"

#endif
