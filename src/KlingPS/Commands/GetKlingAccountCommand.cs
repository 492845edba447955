using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Sessions;

namespace KlingPS.Commands;

/// <summary>Tells which account is connected, where its key came from, and how many credits are left.</summary>
[Cmdlet(VerbsCommon.Get, "KlingAccount")]
[OutputType(typeof(KlingAccount))]
public sealed class GetKlingAccountCommand : KlingCommand
{
    /// <summary>Asks the service for the balance.</summary>
    protected override void ProcessRecord()
    {
        try
        {
            KlingSession session = GetSession();
            KlingClient client = session.CreateClient(Observer);
            decimal credits = Await(client.GetCreditsAsync);
            WriteObject(session.Describe(credits) with { KeySource = Connection.DescribeSource(session) });
        }
        catch (KlingException exception)
        {
            ThrowTerminatingError(exception, null);
        }
    }
}
