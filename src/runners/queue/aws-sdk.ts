/** What is used of `@aws-sdk/client-s3`, an optional dependency: the project is checked and built without it too. */
export interface AwsSdk {
  readonly S3Client: new (options: {
    readonly region: string;
    readonly forcePathStyle?: boolean;
    readonly requestChecksumCalculation: 'WHEN_REQUIRED';
    readonly responseChecksumValidation: 'WHEN_REQUIRED';
  }) => S3Client;
  readonly PutObjectCommand: new (input: Place & { readonly Body: Uint8Array }) => Command<object>;
  readonly GetObjectCommand: new (input: Place) => Command<Found>;
  readonly DeleteObjectCommand: new (input: Place) => Command<object>;
  readonly ListObjectsV2Command: new (input: {
    readonly Bucket: string;
    readonly Prefix: string;
    readonly ContinuationToken?: string;
  }) => Command<Listed>;
}

interface S3Client {
  send<Output>(command: Command<Output>): Promise<Output>;
  destroy(): void;
}

/** Its output is a type only. */
interface Command<Output> {
  readonly output?: Output;
}

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

interface Found {
  readonly Body?: { transformToByteArray(): Promise<Uint8Array> };
}

interface Listed {
  readonly Contents?: readonly { readonly Key?: string; readonly Size?: number; readonly ETag?: string }[];
  readonly NextContinuationToken?: string;
}

const NAME: string = '@aws-sdk/client-s3';

/** @throws Error where it is not installed */
export async function loadAwsSdk(): Promise<AwsSdk> {
  return (await import(NAME)) as AwsSdk;
}
