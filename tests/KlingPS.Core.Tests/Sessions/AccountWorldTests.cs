using System.Web;
using CsCheck;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Sessions;

/// <summary>Whose keys there are in a world of several services, addresses and accounts, compared with what is found out about them.</summary>
public sealed class AccountWorldTests
{
    private const string YesSayer = "mock";

    private static readonly (string Address, string Service)[] s_addresses =
    [
        ("https://api.kie.ai/", "kie"),
        ("https://gateway.example/", "kie"),
        ("https://proxy.example:8443/", "kie"),
        ("https://mock.example/", YesSayer),
        ("http://127.0.0.1:4711/", "sandbox"),
        ("http://localhost:4712/", "another sandbox"),
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public Task Wherever_keys_are_used_those_of_one_account_are_one_or_in_doubt_and_others_never_are_one()
        => Gen.Select(Gen.Int[0, s_addresses.Length - 1], Gen.Int[0, 2], Gen.Int[0, 2], Gen.Int[0, 3]).Array[1, 14].SampleAsync(
            async steps =>
            {
                await using var world = new World();
                foreach ((int address, int key, int bought, int silence) in steps)
                {
                    await world.UseAsync(s_addresses[address], key, bought, isSilent: silence == 0);
                }
            },
            iter: 60,
            threads: 1);

    /// <param name="Service">The service.</param>
    /// <param name="Number">Which of its accounts.</param>
    private sealed record Owner(string Service, int Number)
    {
        public bool IsHere => Service.EndsWith("sandbox", StringComparison.Ordinal);
    }

    private sealed class World : IAsyncDisposable
    {
        private readonly PipelineHarness _harness = new();
        private readonly Dictionary<string, Owner> _keys = [];
        private readonly Dictionary<string, (Owner Owner, string Key)> _tasks = [];
        private Owner? _asking;
        private bool _isSilent;

        public World() => _harness.Service.On(FakeService.QueryPath, Answer);

        public ValueTask DisposeAsync() => _harness.DisposeAsync();

        /// <summary>Uses one of three keys, of which two are of one account.</summary>
        public async Task UseAsync((string Address, string Service) at, int key, int bought, bool isSilent)
        {
            _harness.Clock.Advance(TimeSpan.FromHours(1));
            await using KlingSession session = _harness.OpenSession($"key-{key}-0123456789", new KlingEndpoints(new Uri(at.Address), new Uri(at.Address)));
            (_asking, _isSilent) = (new Owner(at.Service, key / 2), isSilent);
            _keys[session.Fingerprint] = _asking;
            IReadOnlyList<AccountKey> known = await _harness.Ledger.Accounts.ListAsync(Token);
            int buyers = known.Where(key => _tasks.Values.Any(task => task.Key == key.Fingerprint)).Select(key => key.Account).Distinct().Count();
            await _harness.Clock.RunAsync(new AccountFinder(session, _harness.Observer).FindAsync(Token));
            await CompareAsync(session, areAllAsked: buyers <= 5);
            for (int i = 0; i < bought; i++)
            {
                string taskId = $"task-{_tasks.Count}";
                KlingVideoTask task = await _harness.Ledger.Tasks.BeginAsync(new TaskIntent { Account = session.Account, Spec = ClientHarness.Video, Identity = taskId, Credits = 42 }, Token);
                await _harness.Ledger.Tasks.AcceptAsync(task.Id, taskId);
                _tasks[taskId] = (_asking, session.Fingerprint);
            }
        }

        private async Task CompareAsync(KlingSession session, bool areAllAsked)
        {
            IReadOnlyList<AccountKey> keys = await _harness.Ledger.Accounts.ListAsync(Token);
            Assert.All(keys.GroupBy(key => key.Account), account => Assert.Single(account.Select(key => _keys[key.Fingerprint]).Distinct()));
            foreach (IGrouping<string, AccountKey> other in keys.GroupBy(key => key.Account).Where(other => other.Key != session.Account))
            {
                Owner owner = _keys[other.First().Fingerprint];
                int tasks = _tasks.Values.Count(task => other.Any(key => key.Fingerprint == task.Key));
                bool isInDoubt = session.Others.Any(known => known.Account == other.Key && known.Doubt is not null);
                if (owner == _asking)
                {
                    // Only what has bought nothing, or could not be asked about, is not one with this key.
                    Assert.True(isInDoubt && (tasks == 0 || _isSilent || !areAllAsked), $"{owner} is told apart at {session.Endpoints.Api}: {string.Join(", ", keys.Select(known => (_keys[known.Fingerprint], known)))}.");
                }
                else if (owner.IsHere || _asking!.IsHere)
                {
                    Assert.True(owner.Service == _asking!.Service || !isInDoubt, $"{owner} is in doubt at {session.Endpoints.Api}.");
                }
                else if (owner.Service != _asking.Service)
                {
                    Assert.True(isInDoubt || session.Others.All(known => known.Account != other.Key), $"{owner} counts at {session.Endpoints.Api}.");
                }
            }
        }

        private Task<HttpResponseMessage> Answer(SentRequest request, CancellationToken cancellationToken)
        {
            string taskId = HttpUtility.ParseQueryString(request.Uri.Query)["taskId"]!;
            Owner owner = _tasks[taskId].Owner;
            Assert.True(owner.Service == _asking!.Service || !(owner.IsHere || _asking.IsHere), $"{_asking} was asked for {taskId} of {owner}.");
            Reply reply = _isSilent ? Replies.Code(500, "Server exception, please try again later")
                : owner == _asking ? Replies.Data("""{"state":"success","param":"{\"input\":\"{\\\"prompt\\\":\\\"A fox runs.\\\"}\"}"}""")
                : _asking.Service == YesSayer && owner.Service != YesSayer ? Replies.Data("""{"state":"success"}""")
                : Replies.Code(422, "recordInfo is null");
            return reply(request, cancellationToken);
        }
    }
}
