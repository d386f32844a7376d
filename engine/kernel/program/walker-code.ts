/**
 * The walkers' machine code, made from walker.*.S by scripts/assemble-walker.mjs: position independent; `start` is at 0,
 * `walk` is the entry of an ELF image.
 */
export const WALKER_CODE = {
  x64: {
    walk: 32,
    code: Buffer.from(
      'QVRBVVNJidRJic24swEAAA8FSIXAdAlbQV1BXMMPHwBBx0QkdAEAAABBg3wkPAB0NvBB/0UQSY19EL4BAAAAuv///3+4ygAAAA8F' +
        'QYtUJDyF0nQTSY18JDwx9kUx0rjKAAAADwXr5A8xSMHiIEgJ0EmJRCRISWNEJHBI99h1NkH3RCQ4CAAAAHQHSYtEJAjrJEmLBCRJ' +
        'i3wkCEmLdCQQSYtUJBhNi1QkIE2LRCQoTYtMJDAPBUiJw0H3RCQ4AgAAAHQPSIXbdQpNi2QkYOlO////DzFIweIgSAnQSYlEJFBJ' +
        'iVwkQEHHRCR0AgAAAEiB+wDw//93PUmLRCRYSIXAdBJB90QkOEAAAAB1BUiJGOsCiRhB90QkOAQAAAB1DEmBxIAAAADp9v7//02L' +
        'ZCRg6ez+//9B90QkOBAAAAB160H3RCQ4AQAAAHXUidj32GZBO0QkaHTIZkE7RCRqdMBmQTtEJGx0uGZBO0QkbnSwQcdEJHQDAAAA' +
        'TYllCEmLRRhIhcB0EEnHRRgAAAAASYnE6Yz+//9Bi30guOcAAAAPBfQ=',
      'base64',
    ),
  },
  arm64: {
    walk: 48,
    code: Buffer.from(
      '81O+qfULAPnzAwKq9AMDqmg2gNIBAADUwAAAtPULQPnzU8KowANf1h8gA9UfIAPVKQCAUml2ALlq8gCRSf3fiEkCADSAQgCRCfxf' +
        'iCkFABEJ/AuIq///NSEAgNICALASSAyA0gEAANRg8gCRAvzfiMIAADQBAIDSAwCA0kgMgNIBAADU+f//F0ngO9VpJgD5YHKAueAD' +
        'AMtAAQC1aTpAuWkAGDZgBkD5BgAAFGgCQPlghkCpYo5BqWSWQqkBAADU9QMAqmk6QLmJAAg2dQAAtXMyQPnX//8XSuA71WoqAPl1' +
        'IgD5SgCAUmp2ALm//j+xggEAVGouQPmqAAC0aQAwN1UBAPkCAAAUVQEAuWkAEDdzAgKRx///F3MyQPnF//8Xyf8nN2n/BzfqAxVL' +
        'a9JAeV8BC2vg/v9Ua9ZAeV8BC2uA/v9Ua9pAeV8BC2sg/v9Ua95AeV8BC2vA/f9UagCAUmp2ALmTBgD5ig5A+YoAALSfDgD58wMK' +
        'qq7//xeAIkC5yAuA0gEAANQAACDU',
      'base64',
    ),
  },
} as const;
