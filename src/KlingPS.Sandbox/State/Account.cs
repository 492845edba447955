using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace KlingPS.Sandbox.State;

/// <summary>An account: its number, its balance, its limits and its tasks. Credits are held when a task is accepted, and settled at the first request after its end.</summary>
internal sealed class Account
{
    /// <summary>The number of an account whose key is made up.</summary>
    internal const string DefaultNumber = "100001";

    private readonly object _gate = new();
    private readonly TimeProvider _timeProvider;
    private readonly TimeSpan _generationTime;
    private readonly RateWindow _creates;
    private readonly RateWindow _queries;
    private readonly RateWindow _discoveries = new(1, TimeSpan.FromSeconds(1));
    private readonly List<Job> _jobs = [];
    private readonly Dictionary<string, Job> _byId = [];
    private readonly PriorityQueue<Job, DateTimeOffset> _unsettled = new();
    private decimal _left;
    private decimal _held;
    private decimal _spent;

    internal Account(SandboxOptions options, string number)
    {
        Number = number;
        _timeProvider = options.TimeProvider;
        _generationTime = options.GenerationTime;
        _creates = new RateWindow(options.CreateLimit, options.CreateWindow);
        _queries = new RateWindow(options.QueryLimit, options.QueryWindow);
        _left = options.Credits;
    }

    /// <summary>What the service calls the account; it is part of the path of every upload.</summary>
    internal string Number { get; }

    internal decimal CreditsLeft
    {
        get
        {
            lock (_gate)
            {
                Settle();
                return _left;
            }
        }

        set
        {
            lock (_gate)
            {
                Settle();
                _left = value;
            }
        }
    }

    /// <summary>The number of the account with a key: the same every time that a sandbox is started with that key.</summary>
    internal static string NumberOf(string key)
        => (200_000 + (BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(key))) % 800_000)).ToString(CultureInfo.InvariantCulture);

    /// <summary>Accepts a task (200) unless the balance (402) or the rate (429) forbids it. Its outcome is decided only if it is accepted.</summary>
    /// <param name="request">The request for the video.</param>
    /// <param name="imageSha256">The content of its image, if that was uploaded.</param>
    /// <param name="decideOutcome">Decides how it turns out.</param>
    /// <param name="repeatsId">Whether it gets the id of the previous task; only that one can be queried.</param>
    internal (int Code, Job? Job) Create(CreateRequest request, string? imageSha256, Func<JobOutcome> decideOutcome, bool repeatsId)
    {
        lock (_gate)
        {
            DateTimeOffset now = Settle();
            if (_left < request.Credits)
            {
                return (402, null);
            }

            if (!_creates.TryEnter(now))
            {
                return (429, null);
            }

            Job job = new(request, imageSha256, now, _generationTime, decideOutcome(), repeatsId && _jobs.Count > 0 ? _jobs[^1].Id : null);
            _jobs.Add(job);
            _byId.TryAdd(job.Id, job);
            _unsettled.Enqueue(job, job.EndsAt);
            _left -= request.Credits;
            _held += request.Credits;
            return (200, job);
        }
    }

    /// <summary>Whether one more question about a model is answered now.</summary>
    internal bool TryEnterDiscovery()
    {
        lock (_gate)
        {
            return _discoveries.TryEnter(_timeProvider.GetUtcNow());
        }
    }

    internal bool TryEnterQuery()
    {
        lock (_gate)
        {
            return _queries.TryEnter(_timeProvider.GetUtcNow());
        }
    }

    internal Job? Find(string taskId)
    {
        lock (_gate)
        {
            return _byId.GetValueOrDefault(taskId);
        }
    }

    internal AccountStatement GetStatement()
    {
        lock (_gate)
        {
            DateTimeOffset now = Settle();
            return new AccountStatement(_spent, _held, _left, [.. _jobs.Select(job => job.ToTask(now, Number))]);
        }
    }

    private DateTimeOffset Settle()
    {
        DateTimeOffset now = _timeProvider.GetUtcNow();
        while (_unsettled.TryPeek(out Job? job, out _) && job.HasEnded(now))
        {
            _unsettled.Dequeue();
            _held -= job.Request.Credits;
            if (job.Failure is null)
            {
                _spent += job.Request.Credits;
            }
            else
            {
                _left += job.Request.Credits;
            }
        }

        return now;
    }
}

/// <summary>The account at one moment.</summary>
internal sealed record AccountStatement(decimal Spent, decimal Held, decimal Left, IReadOnlyList<SandboxTask> Tasks);
