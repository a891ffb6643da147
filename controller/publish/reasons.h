/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reasons of conditions and Events, beside those that the model gives. docs/troubleshooting.md
 * explains every one.
 */
#define REASON_ACCEPTED "Accepted"
#define REASON_ADDRESS_ASSIGNED "AddressAssigned"
#define REASON_ANNOUNCED "Announced"
#define REASON_CONFLICT "Conflict"
#define REASON_NO_ADDRESS "NoAddress"
#define REASON_NO_ENDPOINTS "NoEndpoints"
#define REASON_NOT_ACCEPTED "NotAccepted"
#define REASON_NOT_ANNOUNCED "NotAnnounced"
#define REASON_TOO_MANY_ENDPOINTS "TooManyEndpoints"

/* Of Events alone. */
#define REASON_ADDRESS_CHANGED "AddressChanged"
#define REASON_REJECTED "Rejected"
#define REASON_WITHDRAWN "Withdrawn"
