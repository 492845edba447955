using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core.Api;
using KlingPS.Core.Sessions;

namespace KlingPS.Commands;

/// <summary>Tells which account is connected, where its key came from, and how many credits are left.</summary>
[Cmdlet(VerbsCommon.Get, "KlingAccount")]
[OutputType(typeof(KlingAccount))]
public sealed class GetKlingAccountCommand : KlingCommand
{
    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        KlingSession session = Context.Session;
        KlingClient client = session.CreateClient(Context.Observer);
        decimal credits = Await(client.GetCreditsAsync);
        session.LastBalance = new AccountBalance(credits, session.TimeProvider.GetUtcNow());
        WriteObject(session.Describe(credits) with { KeySource = Connection.DescribeSource(session) });
    }
}
