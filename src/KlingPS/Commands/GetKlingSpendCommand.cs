using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Shows what was spent and on what, according to the ledger. Sends nothing, except for -Balance.</summary>
[Cmdlet(VerbsCommon.Get, "KlingSpend")]
[OutputType(typeof(KlingSpend))]
public sealed class GetKlingSpendCommand : KlingCommand
{
    /// <summary>As a number: with a field of a type of the engine, the engine would be loaded as soon as the module is imported.</summary>
    private int _groupBy;

    /// <summary>What is added up together; the tasks of a day by default.</summary>
    [Parameter(Position = 0)]
    [Alias("By")]
    [Names(IsOne = true)]
    public KlingSpendGroup GroupBy
    {
        get => (KlingSpendGroup)_groupBy;
        set => _groupBy = (int)value;
    }

    /// <summary>Only what was requested at or after this moment.</summary>
    [Parameter]
    [Moment]
    [ValidateNotNull]
    public DateTime? Since { get; set; }

    /// <summary>Only what was requested before this moment.</summary>
    [Parameter]
    [Moment]
    [ValidateNotNull]
    public DateTime? Until { get; set; }

    /// <summary>Asks the service for the credits that the account has left; free.</summary>
    [Parameter]
    public SwitchParameter Balance { get; set; }

    /// <inheritdoc/>
    private protected override void CheckParameters()
    {
        if (MomentAttribute.Read(Until) <= MomentAttribute.Read(Since))
        {
            throw new KlingException(ErrorKind.RequestInvalid, FormattableString.Invariant($"-Until ({Until:yyyy-MM-dd HH:mm:ss}) is not after -Since ({Since:yyyy-MM-dd HH:mm:ss}), so there is nothing between them. -Until is the first moment that does not count."));
        }
    }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        (ITaskLedger ledger, string? account) = Context.LookAtRecords();
        decimal? balance = Balance ? FindBalance() : null;
        account = GroupBy == KlingSpendGroup.Account ? null : account;
        var filter = new SpendFilter { Account = account, Since = MomentAttribute.Read(Since), Until = MomentAttribute.Read(Until) };
        IReadOnlyList<KlingSpend> sums = Await(token => ledger.Spending.SumAsync(filter, GroupBy, token));
        IReadOnlyList<AccountKey> keys = Await(ledger.Accounts.ListAsync);
        if (GroupBy != KlingSpendGroup.Account)
        {
            WarnOfOthers(ledger, keys, account);
        }

        string? own = balance is null ? null : Context.Session.Account;
        own = keys.FirstOrDefault(key => key.Fingerprint == own)?.Account ?? own;
        foreach (KlingSpend sum in sums)
        {
            WriteObject(GroupBy == KlingSpendGroup.Account && sum.Group != own ? sum : sum with { Balance = balance });
        }
    }

    /// <summary>What the account has left. What was spent is shown even if that cannot be found out.</summary>
    private decimal? FindBalance()
    {
        try
        {
            KlingSession session = Context.Session;
            return Await(session.CreateClient(Context.Observer).GetCreditsAsync);
        }
        catch (KlingException exception)
        {
            WriteError(exception.WithMessage($"The balance is not known. {exception.Message}"), null);
            return null;
        }
    }

    /// <summary>Warns if it is not clear whose spending is meant.</summary>
    private void WarnOfOthers(ITaskLedger ledger, IReadOnlyList<AccountKey> keys, string? account)
    {
        int accounts = keys.Select(key => key.Account).Distinct().Count();
        if (account is null && accounts > 1)
        {
            WriteWarning($"Without a key, it is not clear whose spending is meant, so that of all {accounts} accounts in the ledger '{ledger.Location}' is added up. -GroupBy Account separates them.");
        }
        else if (account is not null && accounts > 0 && keys.All(key => key.Fingerprint != account))
        {
            WriteWarning($"The ledger '{ledger.Location}' does not know this key yet, so nothing counts as its spending. If it belongs to an account that is there, Get-KlingVideoTask finds that out; -GroupBy Account shows them all.");
        }
    }
}
