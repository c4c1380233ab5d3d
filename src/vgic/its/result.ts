/**
 * What an ITS command or a request of user space comes to: 0, a positive error code of the ITS that nobody reports to the
 * guest, or a negative errno. vgic-spec 6.5, 6.6, 6.9, 6.10.
 */

export const OK = 0;
export const ENOMEM = -12;
export const EACCES = -13;
export const EFAULT = -14;
export const EBUSY = -16;
export const EEXIST = -17;
export const ENODEV = -19;
export const EINVAL = -22;

export const MOVI_UNMAPPED_INTERRUPT = 0x010107;
export const MOVI_UNMAPPED_COLLECTION = 0x010109;
export const INT_UNMAPPED_INTERRUPT = 0x010307;
export const CLEAR_UNMAPPED_INTERRUPT = 0x010507;
export const MAPD_DEVICE_OOR = 0x010801;
export const MAPD_ITTSIZE_OOR = 0x010802;
export const MAPC_PROCNUM_OOR = 0x010902;
export const MAPC_COLLECTION_OOR = 0x010903;
export const MAPTI_UNMAPPED_DEVICE = 0x010a04;
export const MAPTI_ID_OOR = 0x010a05;
export const MAPTI_PHYSICALID_OOR = 0x010a06;
export const INV_UNMAPPED_INTERRUPT = 0x010c07;
export const INVALL_UNMAPPED_COLLECTION = 0x010d09;
export const MOVALL_PROCNUM_OOR = 0x010e01;
export const DISCARD_UNMAPPED_INTERRUPT = 0x010f07;

const ERRNO_NAMES: Readonly<Record<number, string>> = {
  [ENOMEM]: '-ENOMEM',
  [EACCES]: '-EACCES',
  [EFAULT]: '-EFAULT',
  [EBUSY]: '-EBUSY',
  [EEXIST]: '-EEXIST',
  [ENODEV]: '-ENODEV',
  [EINVAL]: '-EINVAL',
};

/** "OK", "0x010a04", "-EINVAL": as scenario files write a result. */
export function resultName(result: number): string {
  if (result === OK) return 'OK';
  if (result > 0) return `0x${result.toString(16).padStart(6, '0')}`;
  return ERRNO_NAMES[result] ?? String(result);
}
