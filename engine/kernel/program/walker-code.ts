/**
 * The walkers' machine code, made from walker.*.S by scripts/assemble-walker.mjs: position independent; `start` is at 0,
 * `walk` is the entry of an ELF image.
 */
export const WALKER_CODE = {
  x64: {
    walk: 32,
    code: Buffer.from(
      'QVRBVVNJidRJic24swEAAA8FSIXAdAlbQV1BXMMPHwBBx0QkdAEAAABBg3wkPAB0NvBB/0UQSY19EL4BAAAAuv///3+4ygAAAA8F' +
        'QYtUJDyF0nQTSY18JDwx9kUx0rjKAAAADwXr5A8xSMHiIEgJ0EmJRCRISWNEJHBI99gPhYcAAABB90QkOAgAAAB0FUmLRCQIQfdE' +
        'JDgAAQAAdGxIiwDrZ0mLBCRJi3wkCEmLdCQQSYtUJBhNi1QkIE2LRCQoTYtMJDBBi0wkOPfBAD8AAHQ2D7rhCHMDSIs/D7rhCXMD' +
        'SIs2D7rhCnMDSIsSD7rhC3MDTYsSD7rhDHMDTYsAD7rhDXMDTYsJDwVIicNB90QkOAIAAAB0D0iF23UKTYtkJGDp+f7//w8xSMHi' +
        'IEgJ0EmJRCRQSYlcJEBBx0QkdAIAAABIgfsA8P//dz1Ji0QkWEiFwHQSQfdEJDhAAAAAdQVIiRjrAokYQfdEJDgEAAAAdQxJgcSA' +
        'AAAA6aH+//9Ni2QkYOmX/v//QfdEJDgQAAAAdetB90QkOAEAAAB11InY99hmQTtEJGh0yGZBO0QkanTAZkE7RCRsdLhmQTtEJG50' +
        'sEHHRCR0AwAAAE2JZQhJi0UYSIXAdBBJx0UYAAAAAEmJxOk3/v//QYt9ILjnAAAADwX0',
      'base64',
    ),
  },
  arm64: {
    walk: 48,
    code: Buffer.from(
      '81O+qfULAPnzAwKq9AMDqmg2gNIBAADUwAAAtPULQPnzU8KowANf1h8gA9UfIAPVKQCAUml2ALlq8gCRSf3fiEkCADSAQgCRCfxf' +
        'iCkFABEJ/AuIq///NSEAgNICALASSAyA0gEAANRg8gCRAvzfiMIAADQBAIDSAwCA0kgMgNIBAADU+f//F0ngO9VpJgD5YHKAueAD' +
        'AMtAAwC1aTpAuakAGDZgBkD5yQJANgAAQPkUAAAUaAJA+WCGQKlijkGpZJZCqT8VGHKgAQBUSQBANgAAQPlJAEg2IQBA+UkAUDZC' +
        'AED5SQBYNmMAQPlJAGA2hABA+UkAaDalAED5AQAA1PUDAKppOkC5iQAINnUAALVzMkD5x///F0rgO9VqKgD5dSIA+UoAgFJqdgC5' +
        'v/4/sYIBAFRqLkD5qgAAtGkAMDdVAQD5AgAAFFUBALlpABA3cwICkbf//xdzMkD5tf//F8n/Jzdp/wc36gMVS2vSQHlfAQtr4P7/' +
        'VGvWQHlfAQtrgP7/VGvaQHlfAQtrIP7/VGveQHlfAQtrwP3/VGoAgFJqdgC5kwYA+YoOQPmKAAC0nw4A+fMDCqqe//8XgCJAucgL' +
        'gNIBAADUAAAg1A==',
      'base64',
    ),
  },
} as const;
