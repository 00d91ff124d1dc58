/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The ids of what happens to units: MESSAGE_ID= of entries in the journal, each with an entry of that id in
 * units/leased.catalog. An id never changes and is never used again.
 */

#define MESSAGE_STRAY "d008bd30afc04cab8968f647ac6d375c"
#define MESSAGE_ACQUIRED "082fbbfe06314af5a6bfe99dbe737e68"
#define MESSAGE_STARTED "5de031a43e4f4702bb596be8fc8a5b15"
#define MESSAGE_STOPPED "495272f052f04e02b3c430113fbae5be"
#define MESSAGE_RELEASED "8b8fc12e1e3e4054b06fdb0d608a2a65"
#define MESSAGE_HANDED_ON "1983970c80954b8ea17e41b229a93aff"
#define MESSAGE_ROBBED "bbec8101c2df44508ccf0da1a04ddcb2"
#define MESSAGE_ADOPTED "abbd6f9232a94d8a9312ff378e780179"
#define MESSAGE_RESUMED "e50b2f55f7fb4803bd85623f1d45701a"
#define MESSAGE_LOST "03739d91d2bc4b3d8de3338433a17a9a"
#define MESSAGE_EXPIRED "0055b32feb5142bf8b37a9478278161e"
#define MESSAGE_GUARD_GONE "f15ce232aa354fe99db6557783af70d4"
#define MESSAGE_BY_HAND "2e7539a48aec4014aafd91e4ff0ce729"
#define MESSAGE_PUT_ASIDE "bed75b24e51a4327b44b2dfab45caa57"
#define MESSAGE_STARTED_AGAIN "34bff46fdb23479bb5b7b08078ce2685"
#define MESSAGE_FAILED "3260165ccc0c40fc9ec25790b63044cc"
#define MESSAGE_DONE "ddbf4c90095c455a9bb0a9203dda506d"
#define MESSAGE_SUCCEEDED "ffc387ecf25b46c8ace873d77bfcea0d"
#define MESSAGE_TENURE "9a5860d8abfc48fdb544a8847e0873a3"
#define MESSAGE_STANDS_BACK "f0ba4d144acd49c3a02023ec6e884c85"
#define MESSAGE_NO_GATE "553cdd2198fe4bd9b6e3ebd94a576af5"
#define MESSAGE_RECORD "c2cb50af6fb6442286f9c024f6e7c5ec"
#define MESSAGE_NOT_STARTED "79b72199d4c949e49f9a3b5469dcb661"
#define MESSAGE_NOT_DONE "eeb0e4c0ce274d54aa708aba10da739a"
#define MESSAGE_PID1_REFUSES "c23230a8d9bb4df2847a4e7bc7bd472b"
#define MESSAGE_GUARD_STOPS "4a372bbb9fa4468ab1a1778115067420"
#define MESSAGE_GUARD_KILLS "bf5ebb1f294c4a51b626f5150d5a5833"
#define MESSAGE_GUARD_DOWN "a4ffbbfa717442a090ec2efa19fca7be"
