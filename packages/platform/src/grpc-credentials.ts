import { X509Certificate, constants } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import type { Workload } from '@capstone/contracts/grpc-allow';
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import { identityOf } from './spiffe.js';
import type { ReloadingTls, TlsMaterial } from './tls.js';

/**
 * Server credentials that follow a ReloadingTls: TLS 1.3 only, a client certificate required, and a new certificate
 * used from the next handshake on. grpc-js' own provider cannot set the TLS version and refuses everybody while a file
 * is half written; this builds on the same hook (ServerCredentials, 1.14).
 */
export class ReloadingServerCredentials extends ServerCredentials {
  constructor(private readonly tls: ReloadingTls) {
    super({ requestCert: true, rejectUnauthorized: true }, secureContextOptions(tls.current));
    tls.onChange((material) => this.updateSecureContextOptions(secureContextOptions(material)));
  }

  override _equals(other: ServerCredentials): boolean {
    return other instanceof ReloadingServerCredentials && other.tls === this.tls;
  }
}

/**
 * Client credentials that follow a ReloadingTls and accept no server but `server` in our own namespace: who answers is
 * read from its certificate's SPIFFE URI, whatever name was dialled.
 */
export class ReloadingChannelCredentials extends ChannelCredentials {
  private cached: { material: TlsMaterial; context: SecureContext } | undefined;

  constructor(
    private readonly tls: ReloadingTls,
    private readonly server: Workload,
  ) {
    super();
  }

  override _createSecureConnector(
    ...[target, options, callCredentials]: ConnectorParameters
  ): Connector {
    const perConnection = () =>
      ChannelCredentials.createFromSecureContext(this.secureContext(), {
        checkServerIdentity: (_host, certificate) => this.checkServer(certificate.raw),
      })._createSecureConnector(target, options, callCredentials);
    const first = perConnection();
    return {
      connect: (socket) => perConnection().connect(socket),
      waitForReady: () => first.waitForReady(),
      getCallCredentials: () => first.getCallCredentials(),
      destroy: () => first.destroy(),
    };
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return (
      other instanceof ReloadingChannelCredentials &&
      other.tls === this.tls &&
      other.server === this.server
    );
  }

  override compose(): ChannelCredentials {
    throw new Error('Call credentials travel as metadata here');
  }

  private secureContext(): SecureContext {
    const material = this.tls.current;
    if (this.cached?.material !== material) {
      this.cached = { material, context: createSecureContext(secureContextOptions(material)) };
    }
    return this.cached.context;
  }

  private checkServer(der: Buffer): Error | undefined {
    const identity = identityOf(new X509Certificate(der));
    const isExpected =
      identity?.workload === this.server &&
      identity.namespace === this.tls.current.identity.namespace;
    return isExpected ? undefined : new Error(`The server is not the workload ${this.server}`);
  }
}

type ConnectorParameters = Parameters<ChannelCredentials['_createSecureConnector']>;
type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;

function secureContextOptions(material: TlsMaterial): SecureContextOptions {
  return {
    ca: material.ca,
    cert: material.cert,
    key: material.key,
    minVersion: 'TLSv1.3',
    // A resumed session is not verified again and would outlive a CA that was removed.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}
