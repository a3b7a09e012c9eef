#!/usr/bin/env bash
# Makes the image pairs that run.py compares on: the files two successive builds of a Debian container or VM image leave behind.
#
#   sudo ./pairs.sh DIR
#
# Needs root (debootstrap, chroot, loop mounts), about 16 GB in DIR, the network to a Debian mirror, and some ten minutes of CPU.
# A file that exists is kept, so a run that was interrupted can be repeated.
set -euo pipefail
dir=${1:?usage: pairs.sh DIR}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
security=${DEBIAN_SECURITY:-http://deb.debian.org/debian-security}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
mkdir -p "$dir"; cd "$dir"

need=()
for p in debootstrap squashfs-tools qemu-utils xdelta3 zstd rsync e2fsprogs; do
  dpkg -s "$p" >/dev/null 2>&1 || need+=("$p")
done
[ ${#need[@]} = 0 ] || { apt-get update -q; apt-get install -y -q --no-install-recommends "${need[@]}"; }

# Three root file systems: as released, with today's updates, and with two small programs more.
finish() { rm -rf "$1"/var/cache/apt/*.bin "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*; mv "$1" "$2"; }
if [ ! -d r1 ]; then
  rm -rf r1.part
  debootstrap --include=ca-certificates,openssh-server,locales,python3,git,vim,build-essential,less,rsync,curl,file \
    bookworm r1.part "$mirror"
  finish r1.part r1
fi
if [ ! -d r2 ]; then
  rm -rf r2.part; cp -a r1 r2.part
  printf 'deb %s bookworm main\ndeb %s bookworm-updates main\ndeb %s bookworm-security main\n' \
    "$mirror" "$mirror" "$security" > r2.part/etc/apt/sources.list
  chroot r2.part apt-get update -q; chroot r2.part apt-get full-upgrade -y -q
  finish r2.part r2
fi
if [ ! -d r3 ]; then
  rm -rf r3.part; cp -a r2 r3.part
  chroot r3.part apt-get update -q; chroot r3.part apt-get install -y -q --no-install-recommends tmux htop
  finish r3.part r3
fi
# The same as r2 with a kernel: /boot and /usr/lib/modules push what follows them further than 64 MB.
if [ ! -d r2k ]; then
  rm -rf r2k.part; cp -a r2 r2k.part
  chroot r2k.part apt-get update -q; chroot r2k.part apt-get install -y -q --no-install-recommends linux-image-amd64
  finish r2k.part r2k
fi

squash() { # squash ROOT FILE OPTIONS...: written as an image builder writes it
  local root=$1 file=$2; shift 2
  [ -e "$file" ] || { mksquashfs "$root" "$file.part" -noappend -no-exports -no-progress -no-recovery "$@" >/dev/null; mv "$file.part" "$file"; }
}
qcow() { # qcow RAW FILE OPTIONS...
  local raw=$1 file=$2; shift 2
  qemu-img convert -O qcow2 "$@" "$raw" "$file.part"; mv "$file.part" "$file"
}
# As lxd-imagebuilder makes a VM image: each build fills a new ext4. The kernel spreads the top directories over such a
# file system by a hash that is seeded anew, so that they lie elsewhere in each build.
fresh() { # fresh ROOT FILE
  [ -e "$2" ] && return
  rm -f disk.raw; truncate -s 4G disk.raw; mkdir -p disk
  mkfs.ext4 -q -F -b 4096 -i 8192 -m 0 -L rootfs -E resize=536870912 disk.raw
  mount -o loop disk.raw disk
  rsync -aHASX --devices "$1/" disk/
  umount disk; rmdir disk
  qcow disk.raw "$2"; rm -f disk.raw
}
# The same without a mount: mke2fs puts the files one after the other from the first block on. What did not change stays
# where it was, or very near.
inplace() { # inplace ROOT FILE
  [ -e "$2" ] && return
  rm -f disk.raw; truncate -s 4G disk.raw
  mke2fs -q -t ext4 -d "$1" disk.raw
  qcow disk.raw "$2"; rm -f disk.raw
}
for r in r1 r2 r3 r2k; do fresh $r $r-fresh.qcow2; done
for r in r1 r2 r3; do inplace $r $r-inplace.qcow2; done
for r in r2 r3; do [ -e $r-c.qcow2 ] || qcow $r-fresh.qcow2 $r-c.qcow2 -c; done
for r in r1 r2 r3 r2k; do squash $r $r-zstd3.squashfs -comp zstd -Xcompression-level 3; done
# The same files, those of /usr/share before all others.
echo 'usr/share 1' > order
squash r3 r3-order-zstd3.squashfs -comp zstd -Xcompression-level 3 -sort order
for r in r1 r2; do squash $r $r-zstd15.squashfs -b 1M -comp zstd -Xcompression-level 15; done
for r in r1 r2 r3; do squash $r $r-xz.squashfs -b 1M -comp xz; done
ls -l -- *.squashfs *.qcow2
