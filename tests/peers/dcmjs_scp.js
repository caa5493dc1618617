// A foreign SCP in one file, on dcmjs-dimse alone: holds in memory what C-STORE brings, reports on an association of its own.
//
// node dcmjs_scp.js PORT AE_TITLE AE@HOST:PORT...      (NODE_PATH leads to node_modules)
const { Client, Dataset, Scp, Server, constants, log, requests, responses } = require('dcmjs-dimse');
const { PresentationContextResult, SopClass, Status, StorageClass, TransferSyntax } = constants;

const PUSH = SopClass.StorageCommitmentPushModel;
const INSTANCE = '1.2.840.10008.1.20.1.1';
const SYNTAXES = [TransferSyntax.ImplicitVRLittleEndian, TransferSyntax.ExplicitVRLittleEndian];
const PAUSES = [0, 500, 1000, 2000, 4000];
const [port, title, ...places] = process.argv.slice(2);
const destinations = new Map(places.map((each) => [each.split('@')[0], each.split('@')[1].split(':')]));
const held = new Map();
const used = new Set();

class Peer extends Scp {
  associationRequested(association) {
    this.caller = association.getCallingAeTitle().trim();
    for (const { context } of association.getPresentationContexts()) {
      const known = [SopClass.Verification, PUSH, ...Object.values(StorageClass)].includes(context.getAbstractSyntaxUid());
      const syntax = SYNTAXES.find((each) => context.hasTransferSyntaxUid(each));
      if (known && syntax) context.setResult(PresentationContextResult.Accept, syntax);
      else context.setResult(known ? PresentationContextResult.RejectTransferSyntaxesNotSupported : PresentationContextResult.RejectAbstractSyntaxNotSupported);
    }
    this.sendAssociationAccept();
  }
  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }
  cEchoRequest(request, callback) {
    callback(answer(responses.CEchoResponse, request, Status.Success));
  }
  cStoreRequest(request, callback) {
    held.set(request.getAffectedSopInstanceUid(), request.getAffectedSopClassUid());
    callback(answer(responses.CStoreResponse, request, Status.Success));
  }
  nActionRequest(request, callback) {
    const asked = request.getDataset()?.getElements() ?? {};
    const status = refused(request, asked, this.caller);
    callback(answer(responses.NActionResponse, request, status));
    if (status === Status.Success) setTimeout(() => deliver(asked, this.caller, [...PAUSES]), 200);
  }
}

function answer(kind, request, status) {
  const response = kind.fromRequest(request);
  response.setStatus(status);
  return response;
}

function refused(request, asked, caller) {
  if (request.getRequestedSopClassUid() !== PUSH) return 0x0118;
  if (request.getRequestedSopInstanceUid() !== INSTANCE) return 0x0112;
  if (request.getActionTypeId() !== 1) return 0x0123;
  if (!destinations.has(caller)) return 0x0124;
  if (!('TransactionUID' in asked) || !('ReferencedSOPSequence' in asked)) return 0x0120;
  const items = [asked.ReferencedSOPSequence].flat();
  if (items.some((each) => !('ReferencedSOPClassUID' in each && 'ReferencedSOPInstanceUID' in each))) return 0x0120;
  if (!asked.TransactionUID || !items.length) return 0x0121;
  if (used.has(asked.TransactionUID)) return 0x0115;
  used.add(asked.TransactionUID);
  return Status.Success;
}

function deliver(asked, caller, pauses) {
  const committed = [];
  const failed = [];
  for (const { ReferencedSOPClassUID, ReferencedSOPInstanceUID } of [asked.ReferencedSOPSequence].flat()) {
    const kept = held.get(ReferencedSOPInstanceUID);
    const item = { ReferencedSOPClassUID, ReferencedSOPInstanceUID };
    if (kept === ReferencedSOPClassUID) committed.push(item);
    else failed.push({ ...item, FailureReason: kept === undefined ? 0x0112 : 0x0119 });
  }
  const report = new requests.NEventReportRequest(PUSH, INSTANCE, failed.length ? 2 : 1);
  const found = { TransactionUID: asked.TransactionUID };
  if (committed.length) found.ReferencedSOPSequence = committed;
  if (failed.length) found.FailedSOPSequence = failed;
  report.setDataset(new Dataset(found, TransferSyntax.ImplicitVRLittleEndian));
  let done = false;
  report.on('response', (response) => (done = response.getStatus() === Status.Success));
  const client = new Client();
  client.addRequest(report);
  const again = () => !done && pauses.length > 1 && setTimeout(() => deliver(asked, caller, pauses.slice(1)), pauses[1]);
  client.once('closed', again);
  client.once('networkError', () => {});
  const [host, to] = destinations.get(caller);
  client.send(host, Number(to), title, caller);
}

log.level = 'error';
const server = new Server(Peer);
server.on('networkError', () => {});
server.listen(Number(port), { host: '127.0.0.1' });
